"""What the stores do about what they find broken, in the way, or replaced under their hands."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.errors import JobNotFoundError, MillstreamError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer, OutcomeUnknownError
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.zookeeper.checkpoint_pointers import ZooKeeperCheckpointPointers
from millstream.common.high_availability.zookeeper.client import CreateNode, SessionState
from millstream.common.high_availability.zookeeper.data_frame import DataKind, UnreadableDataError
from millstream.common.high_availability.zookeeper.job_graph_store import ZooKeeperJobGraphStore
from millstream.common.high_availability.zookeeper.job_result_store import ZooKeeperJobResultStore
from millstream.common.high_availability.zookeeper.pointer_format import MalformedPointerError
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage, StoredData
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.testing.simulation.zookeeper import LoopScheduler, SimulatedZooKeeper, SimulatedZooKeeperClient
from tests.unit.common.high_availability.zookeeper.terms import InlineExecutor, Term

JOB, OTHER = JobID("a" * 32), JobID("b" * 32)


class InTurn(random.Random):
    """Clients begin with one server after the other."""

    _number = -1

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        self._number += 1
        return self._number % (start if stop is None else stop)


class SlowToSpread(LoopScheduler):
    """What one server knows the others learn late."""

    def __init__(self) -> None:
        super().__init__()
        self._random = InTurn()
        self.lag = 0.0

    def latency(self, sender: str, receiver: str) -> float:
        return self.lag if sender.startswith("zookeeper") and receiver.startswith("zookeeper") else 0.0


class Leader:
    """One term on a client that nothing stands in front of."""

    def __init__(self, zookeeper: SimulatedZooKeeper, client: SimulatedZooKeeperClient, node: str, path: Path) -> None:
        self.zookeeper = zookeeper
        self.client = client
        self.term = Term(client, node)
        self.directory = path
        settings = Configuration().set(HighAvailabilityOptions.STORAGE_DIR, str(path))
        self.storage = HighAvailabilityStorage(settings, InlineExecutor())
        self.graphs = ZooKeeperJobGraphStore(self.term, self.storage, "/jobgraphs")
        self.results = ZooKeeperJobResultStore(self.term, self.storage)
        self.checkpoints = ZooKeeperCheckpointPointers(self.term, JOB)

    def file(self, kind: str, job_id: JobID) -> Path:
        (path,) = (self.directory / "default" / kind).glob(f"{job_id}-*")
        return path


def lead(path: Path, scenario: Callable[[Leader], Awaitable[None]]) -> None:
    async def main() -> None:
        leader = await candidate(SimulatedZooKeeper(), path)
        await scenario(leader)
        await leader.client.close()

    asyncio.run(main())


async def candidate(zookeeper: SimulatedZooKeeper, path: Path) -> Leader:
    client = zookeeper.client("/flink/test")
    await client.start()
    return Leader(zookeeper, client, await client.create("/leader/latch/n-", ephemeral=True, sequential=True), path)


def ended(job_id: JobID, ended_ms: int) -> JobDetails:
    return JobDetails(summary=JobSummary(job_id=job_id, name="job", state="FAILED", end_time_ms=ended_ms))


def test_a_graph_that_cannot_be_read_is_told_with_its_file(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        await leader.graphs.put(JobGraph(job_id=JOB))
        file = leader.file("job-graphs", JOB)
        await leader.graphs.put(JobGraph(job_id=OTHER))
        file.write_bytes(leader.file("job-graphs", OTHER).read_bytes())
        with pytest.raises(UnreadableDataError, match="not the file that its pointer in ZooKeeper was made for"):
            await leader.graphs.get(JOB)
        file.unlink()
        with pytest.raises(UnreadableDataError, match=str(file)):
            await leader.graphs.get(JOB)
        await leader.graphs.remove(JOB)
        with pytest.raises(JobNotFoundError, match=JOB):
            await leader.graphs.get(JOB)

    lead(tmp_path, scenario)


def test_a_graph_that_is_replaced_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        await leader.graphs.put(JobGraph(job_id=JOB, name="first"))
        reading = leader.storage.read
        replaced = False

        async def read_late(kind: DataKind, data: StoredData) -> bytes:
            nonlocal replaced
            if not replaced:
                replaced = True
                await leader.graphs.put(JobGraph(job_id=JOB, name="second"))
            return await reading(kind, data)

        leader.storage.read = read_late  # type: ignore[method-assign]  # to come in between
        assert (await leader.graphs.get(JOB)).name == "second"

    lead(tmp_path, scenario)


def test_graphs_that_are_put_at_once_leave_one_file_each(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        await asyncio.gather(
            *(
                leader.graphs.put(JobGraph(job_id=job_id, name=f"{number}"))
                for job_id in (JOB, OTHER)
                for number in "123"
            )
        )
        assert await leader.graphs.job_ids() == [JOB, OTHER]
        assert len(await leader.storage.files()) == 2
        assert (await leader.graphs.get(JOB)).name in "123"

    lead(tmp_path, scenario)


def test_nodes_that_others_put_there_are_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(leader: Leader) -> None:
        await leader.client.create("/jobgraphs/notes", b"hello")
        await leader.client.create(f"/jobgraphs/{OTHER}", b"hello")
        await leader.client.create("/results/notes", b"hello")
        assert await leader.graphs.job_ids() == [OTHER]
        with pytest.raises(MalformedPointerError, match=f"/jobgraphs/{OTHER} in ZooKeeper holds no JSON"):
            await leader.graphs.get(OTHER)
        await leader.graphs.put(JobGraph(job_id=OTHER, name="new"))
        assert (await leader.graphs.get(OTHER)).name == "new"
        assert await leader.results.all() == []

    with caplog.at_level(logging.WARNING):
        lead(tmp_path, scenario)
    assert "/jobgraphs/notes in ZooKeeper is left alone" in caplog.text
    assert "/results/notes in ZooKeeper is left alone" in caplog.text


def test_that_a_job_has_ended_is_known_though_its_report_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(leader: Leader) -> None:
        await leader.results.put_dirty(ended(JOB, 7))
        await leader.results.put_dirty(ended(OTHER, 3))
        await leader.results.put_dirty(ended(OTHER, 9))
        leader.file("job-results", JOB).unlink()
        lost = JobDetails(summary=JobSummary(job_id=JOB, name="(unreadable)", state="FAILED", end_time_ms=7))
        assert await leader.results.all() == [ended(OTHER, 3), lost]
        assert await leader.results.dirty() == [ended(OTHER, 3), lost]
        with pytest.raises(UnreadableDataError, match="ask for the job's state only"):
            await leader.results.get(JOB)
        with pytest.raises(MillstreamError, match="not cleaned up"):
            await leader.results.forget(JOB)
        await leader.results.mark_clean(JOB)
        await leader.results.mark_clean(JOB)
        assert await leader.results.dirty() == [ended(OTHER, 3)]
        await leader.results.forget(JOB)
        await leader.results.forget(JOB)
        assert await leader.results.get(JOB) is None

    lead(tmp_path, scenario)
    assert f"Of job {JOB} nothing is known but that it is FAILED" in caplog.text


def test_checkpoint_ids_and_pointers_are_given_once(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        pointers = leader.checkpoints
        await asyncio.gather(pointers.reserve(1), pointers.reserve(2))
        with pytest.raises(MillstreamError, match=r"checkpoint id 2 of job .* is taken; the next free one is 3"):
            await pointers.reserve(2)
        await pointers.add(CheckpointPointer(2, "file:///chk-2", True))
        await pointers.add(CheckpointPointer(2, "file:///chk-2", True))
        with pytest.raises(MillstreamError, match="There is a checkpoint 2 of job"):
            await pointers.add(CheckpointPointer(2, "file:///other", True))
        assert await pointers.all() == [CheckpointPointer(2, "file:///chk-2", True)]
        # Ids sort as numbers, whatever their length.
        await pointers.reserve(12)
        await pointers.add(CheckpointPointer(12, "file:///savepoint", False))
        assert [each.checkpoint_id for each in await pointers.all()] == [2, 12]

    lead(tmp_path, scenario)


def test_a_counter_that_holds_no_number_is_told(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        await leader.client.create(f"/jobs/{JOB}/checkpoint_id_counter", b"seven")
        with pytest.raises(MalformedPointerError, match="holds 'seven' instead of a checkpoint id; set it to a number"):
            await leader.checkpoints.next_id()
        await leader.client.set(f"/jobs/{JOB}/checkpoint_id_counter", b"7")
        assert await leader.checkpoints.next_id() == 7

    lead(tmp_path, scenario)


def test_a_job_is_not_forgotten_by_halves(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        await leader.checkpoints.reserve(1)
        await leader.checkpoints.add(CheckpointPointer(1, "file:///chk-1", True))
        await leader.client.create(f"/jobs/{JOB}/of-somebody-else")
        with pytest.raises(MillstreamError, match="there is something new below it"):
            await leader.checkpoints.clear()
        assert len(await leader.checkpoints.all()) == 1
        await leader.client.delete(f"/jobs/{JOB}/of-somebody-else")
        await leader.checkpoints.clear()
        await leader.checkpoints.clear()
        await leader.checkpoints.reserve(1)
        assert await leader.checkpoints.next_id() == 2

    lead(tmp_path, scenario)


def test_a_write_waits_for_the_connection_as_long_as_the_term_goes_on(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        leader.zookeeper.disconnect(leader.client)
        putting = asyncio.create_task(leader.graphs.put(JobGraph(job_id=JOB)))
        adding = asyncio.create_task(leader.checkpoints.add(CheckpointPointer(1, "file:///chk-1", True)))
        await asyncio.wait([putting, adding], timeout=0.2)
        assert not putting.done()
        assert not adding.done()
        leader.zookeeper.reconnect(leader.client)
        await asyncio.gather(putting, adding)
        assert await leader.graphs.job_ids() == [JOB]

    lead(tmp_path, scenario)


def test_a_write_does_not_wait_longer_than_the_term(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        await leader.checkpoints.reserve(1)
        leader.zookeeper.fail_next(leader.client, after=1)
        connected = asyncio.Event()
        end = leader.client.listen(lambda state: connected.set() if state is SessionState.SUSPENDED else None)
        adding = asyncio.create_task(leader.checkpoints.add(CheckpointPointer(1, "file:///chk-1", True)))
        await connected.wait()
        end()
        leader.term.is_over = True
        with pytest.raises(OutcomeUnknownError, match="completion of checkpoint 1 of job a"):
            await adding
        # It was done, in fact; whoever comes next goes on from it.
        assert len(await ZooKeeperCheckpointPointers(Term(leader.client, leader.term.node), JOB).all()) == 1
        with pytest.raises(LeadershipLostError, match="does not lead any more"):
            await leader.graphs.put(JobGraph(job_id=JOB))
        assert await leader.storage.files() == []

    lead(tmp_path, scenario)


def test_a_job_with_very_many_checkpoints_is_forgotten_in_several_requests(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        directory = f"/jobs/{JOB}/checkpoints"
        await leader.client.create(directory)
        await leader.client.commit(
            [CreateNode(f"{directory}/{number:019d}", b'{"directory": "x", "owned": true}') for number in range(2500)]
        )
        await leader.checkpoints.clear()
        assert await leader.checkpoints.all() == []
        assert f"/flink/test/jobs/{JOB}" not in leader.zookeeper.paths()

    lead(tmp_path, scenario)


def test_a_new_leader_knows_what_its_server_has_not_heard_of_yet(tmp_path: Path) -> None:
    async def main() -> None:
        scheduler = SlowToSpread()
        zookeeper = SimulatedZooKeeper(scheduler, servers=2)
        leader, standby = await candidate(zookeeper, tmp_path), await candidate(zookeeper, tmp_path)
        scheduler.lag = 1.0
        for number in range(2):
            await leader.graphs.put(JobGraph(job_id=JOB, name=f"{number}"))
            await leader.checkpoints.reserve(number + 1)
        await leader.results.put_dirty(ended(OTHER, 5))
        stale = await standby.client.children("/")
        assert stale == ["leader"]  # else this shows nothing
        zookeeper.expire(leader.client)
        assert await standby.checkpoints.next_id() == 3
        assert await standby.graphs.job_ids() == [JOB]
        assert (await standby.graphs.get(JOB)).name == "1"
        assert await standby.results.dirty() == [ended(OTHER, 5)]
        await standby.client.close()
        await leader.client.close()

    asyncio.run(main())
