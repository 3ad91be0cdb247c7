"""The JobMaster takes checkpoints, begins from them and changes the parallelism, over tasks that pretend to run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from millstream.common.checkpoint.errors import ForeignSnapshotError, MissingSnapshotError
from millstream.common.checkpoint.metadata_file import read_metadata
from millstream.common.errors import MillstreamError
from millstream.common.file_system import FileSystemError, file_system_of
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph, TaskDeployment
from millstream.jobmanager.checkpoint.events import SavepointMode
from millstream.jobmanager.job_master import JobMaster
from millstream.jobmanager.job_master.checkpoint_files import CheckpointFiles
from millstream.jobmanager.job_master.rescaling import RescalingError
from millstream.testing.faulty_file_system import FaultyFileSystem
from tests.unit.jobmanager.fake_cluster import FakeCluster, until
from tests.unit.jobmanager.fake_task_executor import FakeTaskExecutor, run_for_ever
from tests.unit.jobmanager.job_graphs import job_graph, vertex

JOB = "a" * 32


def _graph(parallelism: int, settings: dict[str, str]) -> JobGraph:
    return job_graph(
        [vertex("source", parallelism), vertex("sink", parallelism)], [("source", "sink", "HASH")], settings, job_id=JOB
    )


class World:
    """One TaskManager, and a job whose checkpoints go to a directory."""

    def __init__(self, cluster: FakeCluster, executor: FakeTaskExecutor, directory: Path) -> None:
        self.cluster = cluster
        self.executor = executor
        self.directory = directory
        self.settings = {
            "execution.checkpointing.interval": "1 h",
            "execution.checkpointing.dir": str(directory / "checkpoints"),
            "execution.checkpointing.savepoint-dir": str(directory / "savepoints"),
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "2",
            "restart-strategy.fixed-delay.delay": "1 ms",
        }

    async def run(self, parallelism: int = 2, more: dict[str, str] | None = None) -> JobMaster:
        job = await self.cluster.submit(_graph(parallelism, {**self.settings, **(more or {})}))
        await self.until_running(job, 2 * parallelism)
        return job

    async def until_running(self, job: JobMaster, tasks: int) -> None:
        await until(lambda: job.details().task_counts.get("RUNNING") == tasks)

    def deployed(self) -> list[TaskDeployment]:
        return [task for request in self.executor.deployments for task in request.tasks]

    def complete(self) -> list[str]:
        found = (self.directory / "checkpoints" / JOB).glob("chk-*/_metadata")
        return sorted(path.parent.name for path in found)


def _run(
    tmp_path: Path, story: Callable[[World], Awaitable[None]], slots: int = 4, settings: dict[str, str] | None = None
) -> None:
    async def main() -> None:
        async with FakeCluster(settings) as cluster:
            executor = await cluster.task_executor("tm-1", slots, run_for_ever)
            await asyncio.wait_for(story(World(cluster, executor, tmp_path)), 20)

    asyncio.run(main())


def test_a_checkpoint_is_stored_and_told(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        status = await job.checkpoint(full=False)
        assert not status.HasField("failure")
        assert (status.checkpoint_id, status.location) == (1, f"file:{tmp_path}/checkpoints/{JOB}/chk-1")
        assert world.complete() == ["chk-1"]
        metadata = read_metadata(f"{tmp_path}/checkpoints/{JOB}/chk-1").metadata
        assert (metadata.job_id, metadata.kind, len(metadata.operators)) == (JOB, "CHECKPOINT", 2)
        sources = {task.attempt_id for task in world.deployed() if task.vertex.name == "source"}
        (trigger,) = world.executor.triggers
        assert set(trigger.attempt_ids) == sources
        assert trigger.options.directory == f"{tmp_path}/checkpoints/{JOB}/chk-1"
        await until(lambda: len(world.executor.notices) == 1)
        notice = world.executor.notices[0]
        assert (len(notice.attempt_ids), notice.checkpoint_id, notice.completed) == (4, 1, True)
        assert job.checkpoints().completed == 1

    _run(tmp_path, story)


def test_an_older_checkpoint_is_deleted(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        for _ in range(3):
            await job.checkpoint(full=False)
        await until(lambda: world.complete() == ["chk-3"])

    _run(tmp_path, story)


def test_failed_tasks_begin_from_the_latest_checkpoint(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        assert not any(task.HasField("restore") for task in world.deployed())
        await job.checkpoint(full=False)
        before = len(world.deployed())
        await world.executor.report(world.deployed()[0], "FAILED")
        await until(lambda: len(world.deployed()) == before + 4)
        restored = world.deployed()[before:]
        assert all(task.restore.checkpoint_id == 1 for task in restored)
        source = next(task for task in restored if task.vertex.name == "source")
        (state,) = source.restore.operators.values()
        assert sorted(handle.bytes.inline for handle in state.operator) == [b"0", b"1"]
        assert source.restore.lineage_id == JOB
        await world.until_running(job, 4)
        assert job.checkpoints().restored == 1
        assert (await job.checkpoint(full=False)).checkpoint_id == 2

    _run(tmp_path, story)


def test_what_old_attempts_say_is_nothing(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        world.executor.acknowledge = False
        old = world.deployed()[0]
        await world.executor.report(old, "FAILED")
        await until(lambda: job.details().restarts == 1)
        await world.until_running(job, 4)
        taking = asyncio.ensure_future(job.checkpoint(full=False))
        await until(lambda: bool(world.executor.triggers))
        await world.executor.acknowledge_checkpoint(old, 1)
        await world.executor.decline_checkpoint(old, 1)
        assert not taking.done()
        for task in list(world.executor.running.values()):
            await world.executor.acknowledge_checkpoint(task, 1)
        assert not (await taking).HasField("failure")

    _run(tmp_path, story)


def test_a_task_that_declines_ends_the_checkpoint_and_not_the_job(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run(more={"execution.checkpointing.tolerable-failed-checkpoints": "1"})
        world.executor.acknowledge = False
        taking = asyncio.ensure_future(job.checkpoint(full=False))
        await until(lambda: bool(world.executor.triggers))
        await world.executor.decline_checkpoint(next(iter(world.executor.running.values())), 1)
        assert (await taking).failure.message == "boom"
        await until(lambda: [notice.completed for notice in world.executor.notices] == [False])
        await until(lambda: not (tmp_path / "checkpoints" / JOB / "chk-1").exists())
        assert job.details().restarts == 0
        assert job.checkpoints().failed == 1

    _run(tmp_path, story)


def test_a_trigger_that_does_not_arrive_ends_the_checkpoint(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run(more={"execution.checkpointing.tolerable-failed-checkpoints": "1"})
        world.executor.refuse_triggers = True
        status = await job.checkpoint(full=False)
        assert "checkpoint 1 could not be triggered at TaskManager tm-1" in status.failure.message

    _run(tmp_path, story)


def test_too_many_failed_checkpoints_restart_the_job(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        world.executor.refuse_triggers = True
        await job.checkpoint(full=False)
        await until(lambda: job.details().restarts == 1)

    _run(tmp_path, story)


def test_a_directory_that_cannot_be_made_fails_the_checkpoint(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        (tmp_path / "checkpoints").write_text("in the way")
        job = await world.run(more={"execution.checkpointing.tolerable-failed-checkpoints": "1"})
        status = await job.checkpoint(full=False)
        assert "the directory of checkpoint 1 cannot be made" in status.failure.message
        assert not world.executor.triggers

    _run(tmp_path, story)


def test_a_savepoint_where_nothing_can_be_made_fails_and_the_next_does_not(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        # Here the system says that there is no such directory, not that it cannot make one.
        status = await job.savepoint("file:///proc/nope", SavepointMode.SAVEPOINT, "CANONICAL")
        assert "the directory of savepoint 1 cannot be made" in status.failure.message
        status = await job.savepoint("", SavepointMode.SAVEPOINT, "CANONICAL")
        assert not status.HasField("failure")

    _run(tmp_path, story)


def test_without_a_directory_checkpoints_stay_in_memory(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        del world.settings["execution.checkpointing.dir"]
        job = await world.run()
        status = await job.checkpoint(full=False)
        assert (status.checkpoint_id, status.location) == (1, "")
        before = len(world.deployed())
        await world.executor.report(world.deployed()[0], "FAILED")
        await until(lambda: len(world.deployed()) == before + 4)
        assert world.deployed()[-1].restore.checkpoint_id == 1

    _run(tmp_path, story)


def test_another_job_begins_from_a_savepoint(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        status = await job.savepoint("", SavepointMode.CANCEL, "CANONICAL")
        await job.wait_terminal()
        assert job.details().summary.state == "CANCELED"
        assert Path(status.location).name.startswith("savepoint-aaaaaa-")
        await job.close()
        before = len(world.deployed())
        second = await world.run(3, {"execution.state-recovery.path": status.location})
        restored = world.deployed()[before:]
        assert {task.restore.checkpoint_id for task in restored} == {1}
        assert second.checkpoints().restored_checkpoint_id == 1
        assert (await second.checkpoint(full=False)).checkpoint_id == 2

    _run(tmp_path, story)


@pytest.mark.parametrize(("content", "error"), [(None, MissingSnapshotError), (b"something", ForeignSnapshotError)])
def test_a_snapshot_that_cannot_be_read_is_told_before_anything_is_deployed(
    tmp_path: Path, content: bytes | None, error: type[MillstreamError]
) -> None:
    async def story(world: World) -> None:
        path = tmp_path / "snapshot"
        path.mkdir()
        if content is not None:
            (path / "_metadata").write_bytes(content)
        with pytest.raises(error, match=str(path)):
            await world.run(more={"execution.state-recovery.path": str(path)})
        assert not world.deployed()

    _run(tmp_path, story)


def test_state_that_no_operator_takes_is_told_before_anything_is_deployed(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        path = (await job.savepoint("", SavepointMode.CANCEL, "CANONICAL")).location
        await job.close()
        before = len(world.deployed())
        other = job_graph([vertex("other")], configuration={"execution.state-recovery.path": path}, job_id="b" * 32)
        with pytest.raises(MillstreamError, match="source"):
            await world.cluster.submit(other)
        assert len(world.deployed()) == before
        other.configuration["execution.state-recovery.ignore-unclaimed-state"] = "true"
        await world.cluster.submit(other)
        await until(lambda: len(world.deployed()) == before + 1)

    _run(tmp_path, story)


def test_the_end_of_a_job_deletes_its_checkpoints(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        await job.checkpoint(full=False)
        for task in list(world.executor.running.values()):
            await world.executor.report(task, "FINISHED")
        await job.wait_terminal()
        job.result_kept()
        await job.close()
        assert list((tmp_path / "checkpoints").iterdir()) == []

    _run(tmp_path, story)


def test_who_waits_for_a_checkpoint_learns_of_the_end_of_the_job(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        world.executor.acknowledge = False
        taking = asyncio.ensure_future(job.checkpoint(full=False))
        await until(lambda: bool(world.executor.triggers))
        await job.close()
        assert (await taking).HasField("failure")
        assert (await job.checkpoint(full=False)).HasField("failure")

    _run(tmp_path, story)


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
def test_a_running_job_is_rescaled_from_a_checkpoint(tmp_path: Path, before: int, after: int) -> None:
    async def story(world: World) -> None:
        job = await world.run(before)
        status = await job.rescale(after)
        assert not status.HasField("failure"), status.failure.message
        assert status.checkpoint_id == 1
        await until(lambda: len(world.deployed()) == 2 * (before + after))
        restored = world.deployed()[2 * before :]
        assert {(task.vertex.parallelism, task.restore.checkpoint_id) for task in restored} == {(after, 1)}
        await world.until_running(job, 2 * after)
        assert (await job.checkpoint(full=False)).checkpoint_id == 2

    _run(tmp_path, story)


def test_a_job_is_not_stopped_for_a_parallelism_that_cannot_be(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run(2)
        assert "needs 5 slots for that, but it has 2 and the cluster 2 free" in (await job.rescale(5)).failure.message
        assert "at least 1" in (await job.rescale(0)).failure.message
        world.executor.refuse_triggers = True
        assert "could not be triggered" in (await job.rescale(3)).failure.message
        assert len(world.deployed()) == 4

    _run(tmp_path, story, settings={"execution.checkpointing.tolerable-failed-checkpoints": "1"})


def test_one_rescaling_at_a_time(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run(1)
        world.executor.acknowledge = False
        first = asyncio.ensure_future(job.rescale(2))
        await until(lambda: bool(world.executor.triggers))
        assert "is being rescaled already" in (await job.rescale(3)).failure.message
        for task in list(world.executor.running.values()):
            await world.executor.acknowledge_checkpoint(task, 1)
        assert not (await first).HasField("failure")

    _run(tmp_path, story)


def _bounds(job: JobMaster, lower: int, upper: int) -> dict[str, pb.VertexParallelism]:
    bounds = pb.VertexParallelism(lower_bound=lower, upper_bound=upper)
    return {vertex.vertex_id: bounds for vertex in job.details().vertices}


def _shape(job: JobMaster) -> set[tuple[int, int, int]]:
    return {
        (vertex.bounds.lower_bound, vertex.parallelism, vertex.bounds.upper_bound) for vertex in job.details().vertices
    }


def test_a_job_goes_on_within_other_bounds_of_its_parallelism(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run(1)
        assert _shape(job) == {(1, 1, 1)}
        await job.update_requirements(_bounds(job, 2, 8))
        await until(lambda: _shape(job) == {(2, 4, 8)})  # there are 4 slots
        await world.until_running(job, 8)
        await job.update_requirements(_bounds(job, 1, 4))
        assert _shape(job) == {(1, 4, 4)}
        assert len(world.deployed()) == 10, "nothing needs to be started anew for that"
        with pytest.raises(RescalingError, match="needs at least 5 slots"):
            await job.update_requirements(_bounds(job, 5, 8))
        assert _shape(job) == {(1, 4, 4)}

    _run(tmp_path, story)


def test_bounds_hold_also_if_the_job_cannot_be_fitted_to_them_now(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: World) -> None:
        job = await world.run(1)
        world.executor.refuse_triggers = True
        await job.update_requirements(_bounds(job, 1, 2))
        await until(lambda: "though other bounds were asked for" in caplog.text)
        assert _shape(job) == {(1, 1, 2)}

    _run(tmp_path, story, settings={"execution.checkpointing.tolerable-failed-checkpoints": "1"})


def test_who_waits_for_another_parallelism_learns_of_the_end_of_the_job(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run(1)
        world.executor.answer_cancel = False
        rescaling = asyncio.ensure_future(job.rescale(2))
        await until(lambda: job.details().summary.state == "RESTARTING")
        await job.close()
        assert "it is SUSPENDED" in (await rescaling).failure.message

    _run(tmp_path, story)


def test_requests_of_clients_are_what_the_dispatcher_passes_on(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        del world.settings["execution.checkpointing.savepoint-dir"]
        job = await world.run(1)
        status: pb.OperationStatus = await job.savepoint("", SavepointMode.SAVEPOINT, "NATIVE")
        assert "execution.checkpointing.savepoint-dir" in status.failure.message
        status = await job.savepoint(str(tmp_path / "here"), SavepointMode.SAVEPOINT, "NATIVE")
        assert status.location.startswith(f"file:{tmp_path}/here/savepoint-")
        assert world.executor.triggers[-1].options.format == "NATIVE"

    _run(tmp_path, story)


def test_a_deletion_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delete = CheckpointFiles.delete_directory
    asked: list[str] = []

    def fails_first(files: CheckpointFiles, directory: str) -> None:
        asked.append(directory)
        if len(asked) == 1:
            raise FileSystemError(f"cannot delete the directory {directory}: Directory not empty")
        delete(files, directory)

    monkeypatch.setattr(CheckpointFiles, "delete_directory", fails_first)

    async def story(world: World) -> None:
        job = await world.run()
        for _ in range(3):
            await job.checkpoint(full=False)
        await until(lambda: len(asked) == 3)
        await until(lambda: not (tmp_path / "checkpoints" / JOB / "chk-1").exists())
        assert world.complete() == ["chk-3"]

    _run(tmp_path, story)


def test_the_end_leaves_no_directory_of_what_was_given_up(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        retained = {"execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION"}
        job = await world.run(more=retained)
        await job.checkpoint(full=False)
        # What a task does that hears late that its checkpoint was given up.
        (tmp_path / "checkpoints" / JOB / "chk-7").mkdir()
        job.cancel()
        await job.wait_terminal()
        job.result_kept()
        await job.close()
        assert [path.name for path in (tmp_path / "checkpoints" / JOB).iterdir()] == ["chk-1"]

    _run(tmp_path, story)


@pytest.mark.parametrize("seed", range(12))
def test_a_store_that_fails_costs_checkpoints_and_never_a_complete_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    local = file_system_of(str(tmp_path))
    files = FaultyFileSystem(local, seed, failures=0.25, unlisted=0.3)
    monkeypatch.setattr("millstream.jobmanager.job_master.checkpoint_files.file_system_of", lambda *_: files)
    monkeypatch.setattr("millstream.common.checkpoint.metadata_file.file_system_of", lambda *_: files)

    async def story(world: World) -> None:
        job = await world.run(more={"execution.checkpointing.tolerable-failed-checkpoints": "1000"})
        complete: list[int] = []
        for _ in range(12):
            status = await job.checkpoint(full=False)
            if status.HasField("failure"):
                assert "injected" in status.failure.message
            else:
                complete.append(status.checkpoint_id)
        assert complete, "the seed lets none through"
        assert job.details().restarts == 0
        before = len(world.deployed())
        await world.executor.report(world.deployed()[0], "FAILED")
        await until(lambda: len(world.deployed()) == before + 4)
        assert {task.restore.checkpoint_id for task in world.deployed()[before:]} == {complete[-1]}
        monkeypatch.undo()
        latest = tmp_path / "checkpoints" / JOB / f"chk-{complete[-1]}"
        assert read_metadata(str(latest)).metadata.checkpoint_id == complete[-1]

    _run(tmp_path, story)
