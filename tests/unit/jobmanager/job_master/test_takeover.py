"""One JobMaster after the other leads a job: what the first one leaves is what the next one goes on from."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import listen
from millstream.common.file_system import FileSystemError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer, OutcomeUnknownError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.memory_stores import MemoryCheckpointPointers
from millstream.common.ids import JobID
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.checkpoint.events import RecoveredCheckpoint, SavepointMode
from millstream.jobmanager.checkpoint.snapshot_matching import StateRecoveryError
from millstream.jobmanager.job_master import JobMaster
from millstream.jobmanager.job_master.checkpoint_files import CheckpointFiles
from tests.unit.jobmanager.fake_cluster import FakeCluster, until
from tests.unit.jobmanager.fake_task_executor import FakeTaskExecutor, run_for_ever
from tests.unit.jobmanager.job_graphs import job_graph, vertex

JOB = "a" * 32
SETTINGS = {
    "execution.checkpointing.interval": "1 h",
    "execution.checkpointing.tolerable-failed-checkpoints": "10",
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "9",
    "restart-strategy.fixed-delay.delay": "1 ms",
}


class FaultyPointers(MemoryCheckpointPointers):
    """Pointers whose writes a test holds up, or lets end otherwise.

    :ivar wrong: raised by the next writes of this name, one after the other.
    :ivar lands: a write that raises OutcomeUnknownError was carried out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.wrong: dict[str, list[MillstreamError]] = {"reserve": [], "add": [], "remove": []}
        self.lands = False
        self.may_add = asyncio.Event()
        self.may_add.set()
        self.adding: list[int] = []
        self.writes: list[tuple[str, int]] = []

    async def reserve(self, checkpoint_id: int) -> None:
        self._next_error("reserve", checkpoint_id)
        await super().reserve(checkpoint_id)

    async def add(self, pointer: CheckpointPointer) -> None:
        self.adding.append(pointer.checkpoint_id)
        await self.may_add.wait()
        try:
            self._next_error("add", pointer.checkpoint_id)
        except OutcomeUnknownError:
            if self.lands:
                await super().add(pointer)
            raise
        await super().add(pointer)

    async def remove(self, checkpoint_id: int) -> None:
        self._next_error("remove", checkpoint_id)
        await super().remove(checkpoint_id)

    def _next_error(self, name: str, checkpoint_id: int) -> None:
        self.writes.append((name, checkpoint_id))
        if self.wrong[name]:
            raise self.wrong[name].pop(0)

    async def ids(self) -> list[int]:
        return [pointer.checkpoint_id for pointer in await self.all()]


class World:
    """One TaskManager, and a job that one leader after the other runs.

    :ivar published: who was made known as leader of what.
    """

    def __init__(
        self, cluster: FakeCluster, executor: FakeTaskExecutor, directory: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self.cluster = cluster
        self.executor = executor
        self.directory = directory
        self.pointers = FaultyPointers()
        self.published: list[str] = []
        self.refusals = 0
        patch.setattr(cluster.leadership, "checkpoints", lambda _: self.pointers)
        patch.setattr(cluster.leadership, "publish", self._publish)
        patch.setattr(cluster.leadership, "withdraw", self._withdraw)

    async def _publish(self, endpoint: str, leader: LeaderInformation) -> None:
        if self.refusals:
            self.refusals -= 1
            raise MillstreamError("not now")
        self.published.append(endpoint)

    async def _withdraw(self, endpoint: str) -> None:
        self.published.remove(endpoint)

    def graph(self, parallelism: int = 2, more: dict[str, str] | None = None) -> JobGraph:
        settings = {
            **SETTINGS,
            "execution.checkpointing.dir": str(self.directory / "checkpoints"),
            "execution.checkpointing.savepoint-dir": str(self.directory / "savepoints"),
            **(more or {}),
        }
        vertices = [vertex("source", parallelism), vertex("sink", parallelism)]
        return job_graph(vertices, [("source", "sink", "HASH")], settings, job_id=JOB)

    async def run(self, more: dict[str, str] | None = None) -> JobMaster:
        job = await self.cluster.submit(self.graph(more=more))
        await self.until_running(job)
        return job

    async def until_running(self, job: JobMaster) -> None:
        await until(lambda: job.details().task_counts.get("RUNNING") == 4)

    def restored(self) -> list[int]:
        """Return what the last four tasks were restored from; 0: nothing."""
        tasks = [task for request in self.executor.deployments for task in request.tasks]
        return [task.restore.checkpoint_id for task in tasks[-4:]]

    def directories(self) -> list[str]:
        return sorted(path.name for path in (self.directory / "checkpoints" / JOB).glob("chk-*"))


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[World], Awaitable[None]]], None]:
    def play(story: Callable[[World], Awaitable[None]]) -> None:
        async def main() -> None:
            async with FakeCluster() as cluster:
                executor = await cluster.task_executor("tm-1", 4, run_for_ever)
                await asyncio.wait_for(story(World(cluster, executor, tmp_path, monkeypatch)), 20)

        asyncio.run(main())

    return play


Tell = Callable[[Callable[[World], Awaitable[None]]], None]


def test_the_next_leader_goes_on_from_the_newest_checkpoint(tell: Tell) -> None:
    async def story(world: World) -> None:
        first = await world.run()
        for _ in range(2):
            await first.checkpoint(full=False)
        await first.close()
        assert await world.pointers.ids() == [2]
        second = await world.run({"execution.state-recovery.path": "/nobody/looks/here"})
        assert world.restored() == [2] * 4
        assert second.checkpoints().restored_checkpoint_id == 2
        assert (await second.checkpoint(full=False)).checkpoint_id == 3
        await until(lambda: world.directories() == ["chk-3"])
        assert await world.pointers.ids() == [3]

    tell(story)


def test_all_retained_checkpoints_are_known_to_the_next_leader(tell: Tell) -> None:
    async def story(world: World) -> None:
        retained = {"execution.checkpointing.num-retained": "2"}
        first = await world.run(retained)
        for _ in range(3):
            await first.checkpoint(full=False)
        await first.close()
        second = await world.run(retained)
        await second.checkpoint(full=False)
        await until(lambda: world.directories() == ["chk-3", "chk-4"])
        assert await world.pointers.ids() == [3, 4]

    tell(story)


def test_what_a_job_begins_from_is_kept_until_there_is_a_checkpoint(tell: Tell, tmp_path: Path) -> None:
    async def story(world: World) -> None:
        first = await world.run()
        savepoint = (await first.savepoint("", SavepointMode.CANCEL, "CANONICAL")).location
        assert await world.pointers.ids() == []
        await first.wait_terminal()
        await first.close()
        more = {"execution.state-recovery.path": savepoint, "execution.state-recovery.claim-mode": "CLAIM"}
        second = await world.run(more)
        assert world.restored() == [1] * 4
        (pointer,) = await world.pointers.all()
        assert (pointer.checkpoint_id, pointer.owned) == (1, True)
        await second.close()
        third = await world.run(more)
        assert world.restored() == [1] * 4
        await third.checkpoint(full=False)
        await until(lambda: not list((tmp_path / "savepoints").iterdir()))
        assert await world.pointers.ids() == [2]

    tell(story)


def test_a_newest_checkpoint_that_cannot_be_read_fails_the_job_and_nothing_is_deleted(
    tell: Tell, tmp_path: Path
) -> None:
    async def story(world: World) -> None:
        retained = {"execution.checkpointing.num-retained": "2"}
        first = await world.run(retained)
        for _ in range(2):
            await first.checkpoint(full=False)
        await first.close()
        (tmp_path / "checkpoints" / JOB / "chk-2" / "_metadata").write_bytes(b"torn")
        with pytest.raises(StateRecoveryError, match=r"cannot go on from its latest checkpoint 2 .*chk-2"):
            await world.run(retained)
        await world.cluster.job_masters[-1].close()
        assert world.directories() == ["chk-1", "chk-2"]
        assert await world.pointers.ids() == [1, 2]

    tell(story)


def test_a_leader_waits_for_a_storage_that_does_not_answer_and_need_not(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    recover, told, mended = CheckpointFiles.recover, asyncio.Event(), threading.Event()

    def unreachable(files: CheckpointFiles, pointer: CheckpointPointer) -> RecoveredCheckpoint:
        if not mended.is_set():
            raise FileSystemError("no route to host")
        return recover(files, pointer)

    monkeypatch.setattr(CheckpointFiles, "recover", unreachable)

    async def story(world: World) -> None:
        first = await world.run()
        await first.checkpoint(full=False)
        await first.close()
        for mend in (False, True):
            told.clear()
            job = world.cluster.make(world.graph())
            starting = asyncio.ensure_future(job.start(lambda _: told.set()))
            await told.wait()
            assert not starting.done()
            if mend:
                mended.set()
                await starting
                await world.until_running(job)
            else:
                starting.cancel()
                await asyncio.wait({starting})
                await job.close()
                assert world.directories() == ["chk-1"]
        assert world.restored() == [1] * 4

    tell(story)


def test_an_older_checkpoint_that_cannot_be_read_is_forgotten(tell: Tell, tmp_path: Path) -> None:
    async def story(world: World) -> None:
        retained = {"execution.checkpointing.num-retained": "2"}
        first = await world.run(retained)
        for _ in range(2):
            await first.checkpoint(full=False)
        await first.close()
        (tmp_path / "checkpoints" / JOB / "chk-1" / "_metadata").write_bytes(b"torn")
        await world.run(retained)
        assert world.restored() == [2] * 4
        assert await world.pointers.ids() == [2]

    tell(story)


def test_tasks_are_told_of_a_checkpoint_when_its_pointer_is_kept(tell: Tell) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        world.pointers.may_add.clear()
        taking = asyncio.ensure_future(job.checkpoint(full=False))
        await until(lambda: world.pointers.adding == [1])
        assert (world.directory / "checkpoints" / JOB / "chk-1" / "_metadata").exists()
        # A task that fails now is started anew when it is known from what.
        await world.executor.report(next(iter(world.executor.running.values())), "FAILED")
        await until(lambda: not world.executor.running)
        assert not world.executor.notices
        assert not taking.done()
        assert job.checkpoints().completed == 0
        assert len(world.executor.deployments) == 1
        world.pointers.may_add.set()
        assert not (await taking).HasField("failure")
        await world.until_running(job)
        assert world.restored() == [1] * 4

    tell(story)


@pytest.mark.parametrize("lands", [True, False])
def test_a_pointer_of_which_nobody_can_tell_is_kept_in_the_end(tell: Tell, lands: bool) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        world.pointers.wrong["add"] = [OutcomeUnknownError("the connection broke")]
        world.pointers.lands = lands
        assert not (await job.checkpoint(full=False)).HasField("failure")
        assert await world.pointers.ids() == [1]
        assert world.directories() == ["chk-1"]
        assert job.checkpoints().failed == 0

    tell(story)


def test_a_pointer_that_was_not_kept_fails_the_checkpoint(tell: Tell) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        world.pointers.wrong["add"] = [MillstreamError("no room")]
        failure = (await job.checkpoint(full=False)).failure
        assert "the pointer of checkpoint 1 could not be kept: no room" in failure.message
        await until(lambda: world.directories() == [])

    tell(story)


def test_a_deposed_leader_neither_completes_nor_fails_a_checkpoint(tell: Tell) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        await job.checkpoint(full=False)
        world.pointers.wrong["add"] = [LeadershipLostError("another leads")]
        taking = asyncio.ensure_future(job.checkpoint(full=False))
        await until(lambda: ("add", 2) in world.pointers.writes)
        assert not taking.done()
        await job.close()
        assert (await taking).HasField("failure")
        assert world.directories() == ["chk-1", "chk-2"]
        assert job.checkpoints().latest_completed.checkpoint_id == 1

    tell(story)


def test_a_leader_that_may_not_reserve_an_id_begins_no_checkpoint(tell: Tell) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        world.pointers.wrong["reserve"] = [LeadershipLostError("another leads"), MillstreamError("not now")]
        first = asyncio.ensure_future(job.checkpoint(full=False))
        await until(lambda: ("reserve", 1) in world.pointers.writes)
        assert not first.done()
        await job.close()
        await first
        assert not (world.directory / "checkpoints").exists()
        second = await world.run()
        assert "not now" in (await second.checkpoint(full=False)).failure.message
        assert not (world.directory / "checkpoints").exists()

    tell(story)


def test_a_deposed_leader_deletes_nothing_of_what_it_has_subsumed(tell: Tell) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        await job.checkpoint(full=False)
        world.pointers.wrong["remove"] = [LeadershipLostError("another leads")]
        await job.checkpoint(full=False)
        await until(lambda: ("remove", 1) in world.pointers.writes)
        world.executor.acknowledge = False
        taking = asyncio.ensure_future(job.checkpoint(full=False))
        await until(lambda: len(world.executor.triggers) == 3)
        await job.close()
        await taking
        assert world.directories() == ["chk-1", "chk-2", "chk-3"]

    tell(story)


def test_a_pointer_that_cannot_be_removed_yet_holds_up_deletions_and_nothing_else(tell: Tell) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        await job.checkpoint(full=False)
        world.pointers.wrong["remove"] = [MillstreamError("not now"), OutcomeUnknownError("the connection broke")]
        await job.checkpoint(full=False)
        assert world.directories() == ["chk-1", "chk-2"]
        await until(lambda: world.directories() == ["chk-2"])
        assert await world.pointers.ids() == [2]

    tell(story)


def test_the_checkpoints_of_a_job_that_has_ended_stay_until_its_result_is_kept(tell: Tell) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        await job.checkpoint(full=False)
        for task in list(world.executor.running.values()):
            await world.executor.report(task, "FINISHED")
        await job.wait_terminal()
        await job.close()
        assert world.directories() == ["chk-1"]
        assert await world.pointers.ids() == [1]
        # Whoever finds no result goes on from them.
        second = await world.run()
        assert world.restored() == [1] * 4
        for task in list(world.executor.running.values()):
            await world.executor.report(task, "FINISHED")
        await second.wait_terminal()
        second.result_kept()
        await second.close()
        assert await world.pointers.ids() == []
        assert not (world.directory / "checkpoints" / JOB).exists()

    tell(story)


def test_a_job_asks_for_slots_when_it_is_known_who_leads_it(tell: Tell) -> None:
    async def story(world: World) -> None:
        world.refusals = 2
        job = await world.run()
        assert world.published == [f"jobmaster-{JOB}"]
        await job.close()
        assert world.published == []

    tell(story)


def test_closing_a_suspended_job_does_not_wait_for_task_managers_that_do_not_answer(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> None:
        job = await world.run()

        async def silent(_: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(FakeTaskExecutor, "free_slot", silent)
        loop = asyncio.get_running_loop()
        closing = asyncio.ensure_future(job.close())
        began = loop.time()
        await asyncio.sleep(0)
        with pytest.raises(MillstreamError):  # served no more, at once
            await world.cluster.master.leader_session_id("master", job.endpoint)
        await closing
        assert loop.time() - began < 2.5

    tell(story)


def test_the_new_shape_of_a_job_is_kept_before_its_tasks_stop(tell: Tell) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        graphs = world.cluster.leadership.job_graphs
        await graphs.put(world.graph())
        world.executor.answer_cancel = False
        rescaling = asyncio.ensure_future(job.rescale(1))
        await until(lambda: job.details().summary.state == "RESTARTING")
        kept = await graphs.get(JobID(JOB))
        assert {one.parallelism for one in kept.vertices} == {1}
        await job.close()
        assert (await rescaling).HasField("failure")
        assert {one.parallelism for one in (await graphs.get(JobID(JOB))).vertices} == {1}
        world.executor.answer_cancel = True
        next_one = await world.cluster.submit(await graphs.get(JobID(JOB)))
        await until(lambda: next_one.details().task_counts.get("RUNNING") == 2)
        assert world.restored()[-2:] == [1, 1]

    tell(story)


def test_a_shape_that_cannot_be_kept_is_not_taken(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        job = await world.run()
        graphs = world.cluster.leadership.job_graphs
        put, wrong = graphs.put, [OutcomeUnknownError("the connection broke")]

        async def fails_once(graph: JobGraph) -> None:
            if wrong:
                raise wrong.pop()
            await put(graph)

        monkeypatch.setattr(graphs, "put", fails_once)
        assert "the connection broke" in (await job.rescale(1)).failure.message
        assert {one.parallelism for one in (await graphs.get(JobID(JOB))).vertices} == {2}
        assert job.details().task_counts.get("RUNNING") == 4

    tell(story)


def test_a_fault_can_be_let_happen_between_any_two_steps(tell: Tell) -> None:
    async def story(world: World) -> None:
        reached: list[str] = []
        end = listen(lambda point: reached.append(point.name))
        try:
            job = await world.run()
            for _ in range(2):
                await job.checkpoint(full=False)
                await until(lambda: reached[-1] in ("checkpoint.notified", "checkpoint.pointer-removed"))
            await until(lambda: "checkpoint.pointer-removed" in reached)
            await job.rescale(1)
        finally:
            end()
        assert reached[:9] == [
            "jobmaster.restored",
            "jobmaster.published",
            "jobmaster.tasks-deployed",
            "checkpoint.id-reserved",
            "checkpoint.directory-made",
            "checkpoint.acknowledged",
            "checkpoint.metadata-written",
            "checkpoint.pointer-kept",
            "checkpoint.notified",
        ]
        assert "jobmaster.new-shape-kept" in reached

    tell(story)
