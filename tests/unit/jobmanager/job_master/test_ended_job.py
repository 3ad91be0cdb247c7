"""A job whose leader died between the kept result and the deletions leaves what any other job leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from millstream.common.high_availability.memory_stores import MemoryCheckpointPointers
from millstream.common.ids import JobID
from millstream.common.states import JobStatus
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.checkpoint.events import SavepointMode
from millstream.jobmanager.job_master import JobMaster
from millstream.jobmanager.job_master.ended_job import delete_left_checkpoints
from tests.unit.jobmanager.fake_cluster import FakeCluster, until
from tests.unit.jobmanager.fake_task_executor import FakeTaskExecutor, run_for_ever
from tests.unit.jobmanager.job_graphs import job_graph, vertex

JOB = JobID("a" * 32)


class World:
    """A cluster with one TaskManager, and what later leaders of its job know."""

    def __init__(
        self, cluster: FakeCluster, executor: FakeTaskExecutor, directory: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self.cluster = cluster
        self.executor = executor
        self.directory = directory
        self.pointers = MemoryCheckpointPointers()
        patch.setattr(cluster.leadership, "checkpoints", lambda _: self.pointers)

    def graph(self, retention: str, retained: int = 1, more: dict[str, str] | None = None) -> JobGraph:
        settings = {
            "execution.checkpointing.interval": "1 h",
            "execution.checkpointing.dir": str(self.directory),
            "restart-strategy.type": "none",
            "execution.checkpointing.num-retained": str(retained),
            "execution.checkpointing.externalized-checkpoint-retention": retention,
            **(more or {}),
        }
        return job_graph([vertex("source", 1), vertex("sink", 1)], [("source", "sink", "HASH")], settings, job_id=JOB)

    async def run(self, graph: JobGraph) -> JobMaster:
        job = await self.cluster.submit(graph)
        await until(lambda: job.details().task_counts.get("RUNNING") == 2)
        return job

    async def end(self, job: JobMaster, status: JobStatus) -> None:
        if status is JobStatus.CANCELED:
            job.cancel()
        for task in list(self.executor.running.values()):
            if status is not JobStatus.CANCELED:
                await self.executor.report(task, status.name)
        await job.wait_terminal()
        assert job.details().summary.state == status.name

    async def delete(self, graph: JobGraph, status: JobStatus) -> None:
        cluster = self.cluster
        await delete_left_checkpoints(
            graph, status, cluster.clock, cluster.configuration, cluster.ids, cluster.leadership
        )

    async def left(self) -> tuple[list[str], list[int]]:
        """Return the files, and the ids of the pointers."""
        files = sorted(str(path.relative_to(self.directory)) for path in self.directory.rglob("_metadata"))
        return files, [pointer.checkpoint_id for pointer in await self.pointers.all()]


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[World], Awaitable[None]]], None]:
    def play(story: Callable[[World], Awaitable[None]]) -> None:
        async def main() -> None:
            async with FakeCluster() as cluster:
                executor = await cluster.task_executor("tm-1", 2, run_for_ever)
                await asyncio.wait_for(story(World(cluster, executor, tmp_path / "checkpoints", monkeypatch)), 20)

        asyncio.run(main())

    return play


Tell = Callable[[Callable[[World], Awaitable[None]]], None]


@pytest.mark.parametrize("retained", [1, 2])
@pytest.mark.parametrize("status", [JobStatus.FINISHED, JobStatus.CANCELED, JobStatus.FAILED])
@pytest.mark.parametrize(
    "retention", ["RETAIN_ON_CANCELLATION", "DELETE_ON_CANCELLATION", "NO_EXTERNALIZED_CHECKPOINTS"]
)
def test_the_next_leader_deletes_what_the_job_would_have_deleted(
    tell: Tell, retention: str, status: JobStatus, retained: int
) -> None:
    keeps = status is not JobStatus.FINISHED and (
        retention == "RETAIN_ON_CANCELLATION" or (retention == "DELETE_ON_CANCELLATION" and status is JobStatus.FAILED)
    )
    expected = [2, 3][-retained:] if keeps else []

    async def story(world: World) -> None:
        graph = world.graph(retention, retained)
        job = await world.run(graph)
        for _ in range(3):
            await job.checkpoint(full=False)
        await world.end(job, status)
        await job.close()  # without a word that the result is kept
        shared = world.directory / JOB / "shared" / "of-a-task-that-was-late"
        shared.write_bytes(b"x")
        (world.directory / JOB / "chk-3" / "late").write_bytes(b"x")
        (world.directory / "other-job").mkdir()
        assert len((await world.left())[0]) == retained
        for _ in range(2):  # that leader may die as well
            await world.delete(graph, status)
            assert await world.left() == ([f"{JOB}/chk-{number}/_metadata" for number in expected], expected)
            assert shared.exists() == keeps
            assert sorted(path.name for path in world.directory.iterdir()) == [JOB, "other-job"][not keeps :]

    tell(story)


def test_a_claimed_snapshot_goes_with_the_job_and_one_that_is_not_claimed_stays(tell: Tell, tmp_path: Path) -> None:
    async def story(world: World) -> None:
        job = await world.run(world.graph("NO_EXTERNALIZED_CHECKPOINTS"))
        savepoints = str(tmp_path / "savepoints")
        location = (await job.savepoint(savepoints, SavepointMode.CANCEL, "CANONICAL")).location
        await job.wait_terminal()
        job.result_kept()
        await job.close()
        for mode, stays in (("NO_CLAIM", 1), ("CLAIM", 0)):
            begin = {"execution.state-recovery.path": location, "execution.state-recovery.claim-mode": mode}
            graph = world.graph("NO_EXTERNALIZED_CHECKPOINTS", more=begin)
            job = await world.run(graph)
            await world.end(job, JobStatus.CANCELED)
            await job.close()
            assert await world.pointers.all()
            await world.delete(graph, JobStatus.CANCELED)
            assert await world.pointers.all() == []
            assert len(list((tmp_path / "savepoints").iterdir())) == stays

    tell(story)


def test_a_checkpoint_that_cannot_be_read_any_more_keeps_nothing_from_being_deleted(tell: Tell) -> None:
    async def story(world: World) -> None:
        graph = world.graph("NO_EXTERNALIZED_CHECKPOINTS")
        job = await world.run(graph)
        await job.checkpoint(full=False)
        await world.end(job, JobStatus.CANCELED)
        await job.close()
        (world.directory / JOB / "chk-1" / "_metadata").write_bytes(b"torn")
        await world.delete(graph, JobStatus.CANCELED)
        assert list(world.directory.iterdir()) == []

    tell(story)


def test_a_job_that_ended_before_it_began_deletes_nothing_of_what_it_was_to_begin_from(tell: Tell) -> None:
    async def story(world: World) -> None:
        job = await world.run(world.graph("RETAIN_ON_CANCELLATION"))
        await job.checkpoint(full=False)
        await world.end(job, JobStatus.CANCELED)
        job.result_kept()
        await job.close()
        world.pointers = MemoryCheckpointPointers()
        begin = {
            "execution.state-recovery.path": str(world.directory / JOB / "chk-1"),
            "execution.state-recovery.claim-mode": "CLAIM",
        }
        await world.delete(world.graph("NO_EXTERNALIZED_CHECKPOINTS", more=begin), JobStatus.FAILED)
        assert await world.left() == ([f"{JOB}/chk-1/_metadata"], [])

    tell(story)
