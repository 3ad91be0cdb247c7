"""Whatever happens at whatever step of a leader's writes: the next leader finds what was before, or what was to be.

A script of writes runs in one term with one fault at one step: a call of ZooKeeper, an operation on a file, a moment in
between. Then the next leader looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millstream.common import fault_points
from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.errors import MillstreamError
from millstream.common.file_system import FileSystemError, file_system_of
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer, OutcomeUnknownError
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.zookeeper import storage as storage_module
from millstream.common.high_availability.zookeeper.checkpoint_pointers import ZooKeeperCheckpointPointers
from millstream.common.high_availability.zookeeper.fence import Fence
from millstream.common.high_availability.zookeeper.job_graph_store import ZooKeeperJobGraphStore
from millstream.common.high_availability.zookeeper.job_result_store import ZooKeeperJobResultStore
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.testing.faulty_file_system import FaultyFileSystem, HostKilledError
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper
from tests.unit.common.high_availability.zookeeper.terms import Fault, InlineExecutor, begin_term

EXPIRY = (Fault.EXPIRE_BEFORE, Fault.EXPIRE_AFTER)
JOBS = [JobID(f"{number:032x}") for number in (1, 2)]

K = TypeVar("K")
V = TypeVar("V")


def _with(known: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    return MappingProxyType({**known, key: value})


def _without(known: Mapping[K, V], key: K) -> Mapping[K, V]:
    return MappingProxyType({each: value for each, value in known.items() if each != key})


@dataclass(frozen=True)
class Kept:
    """All that a new leader finds."""

    graphs: Mapping[JobID, str] = field(default_factory=dict)
    results: Mapping[JobID, tuple[str, bool]] = field(default_factory=dict)
    checkpoints: Mapping[JobID, tuple[int, ...]] = field(default_factory=lambda: dict.fromkeys(JOBS, ()))
    next_ids: Mapping[JobID, int] = field(default_factory=lambda: dict.fromkeys(JOBS, 1))


class Stores:
    """Of one term."""

    def __init__(self, fence: Fence, directory: Path) -> None:
        configuration = Configuration().set(HighAvailabilityOptions.STORAGE_DIR, str(directory))
        self.storage = HighAvailabilityStorage(configuration, InlineExecutor())
        self.graphs = ZooKeeperJobGraphStore(fence, self.storage, "/jobgraphs")
        self.results = ZooKeeperJobResultStore(fence, self.storage)
        self.checkpoints = {job_id: ZooKeeperCheckpointPointers(fence, job_id) for job_id in JOBS}

    async def kept(self) -> Kept:
        dirty = [details.summary.job_id for details in await self.results.dirty()]
        return Kept(
            {job_id: (await self.graphs.get(job_id)).name for job_id in await self.graphs.job_ids()},
            {
                JobID(details.summary.job_id): (details.summary.name, details.summary.job_id in dirty)
                for details in await self.results.all()
            },
            {job_id: tuple(each.checkpoint_id for each in await self.checkpoints[job_id].all()) for job_id in JOBS},
            {job_id: await self.checkpoints[job_id].next_id() for job_id in JOBS},
        )


@dataclass(frozen=True)
class Write:
    """One write of a script: what it does, and what is kept after it."""

    name: str
    carry_out: Callable[[Stores], Awaitable[None]]
    expected: Callable[[Kept], Kept]

    def __repr__(self) -> str:
        return self.name


def put_graph(job_id: JobID, name: str) -> Write:
    return Write(
        f"put graph {name} of {job_id[-1]}",
        lambda stores: stores.graphs.put(JobGraph(job_id=job_id, name=name)),
        lambda kept: dataclasses.replace(kept, graphs=_with(kept.graphs, job_id, name)),
    )


def remove_graph(job_id: JobID) -> Write:
    return Write(
        f"remove graph of {job_id[-1]}",
        lambda stores: stores.graphs.remove(job_id),
        lambda kept: dataclasses.replace(kept, graphs=_without(kept.graphs, job_id)),
    )


def put_result(job_id: JobID, name: str) -> Write:
    summary = JobSummary(job_id=job_id, name=name, state="FINISHED", end_time_ms=5)
    return Write(
        f"put result {name} of {job_id[-1]}",
        lambda stores: stores.results.put_dirty(JobDetails(summary=summary)),
        lambda kept: (
            kept
            if job_id in kept.results
            else dataclasses.replace(kept, results=_with(kept.results, job_id, (name, True)))
        ),
    )


def mark_clean(job_id: JobID) -> Write:
    return Write(
        f"mark {job_id[-1]} as clean",
        lambda stores: stores.results.mark_clean(job_id),
        lambda kept: (
            dataclasses.replace(kept, results=_with(kept.results, job_id, (kept.results[job_id][0], False)))
            if job_id in kept.results
            else kept
        ),
    )


def forget_result(job_id: JobID) -> Write:
    return Write(
        f"forget result of {job_id[-1]}",
        lambda stores: stores.results.forget(job_id),
        lambda kept: (
            kept
            if kept.results.get(job_id, ("", False))[1]  # it is dirty
            else dataclasses.replace(kept, results=_without(kept.results, job_id))
        ),
    )


def reserve(job_id: JobID, checkpoint_id: int) -> Write:
    return Write(
        f"reserve id {checkpoint_id} of {job_id[-1]}",
        lambda stores: stores.checkpoints[job_id].reserve(checkpoint_id),
        lambda kept: dataclasses.replace(
            kept, next_ids=_with(kept.next_ids, job_id, max(checkpoint_id + 1, kept.next_ids[job_id]))
        ),
    )


def add_checkpoint(job_id: JobID, checkpoint_id: int) -> Write:
    return Write(
        f"add checkpoint {checkpoint_id} of {job_id[-1]}",
        lambda stores: stores.checkpoints[job_id].add(CheckpointPointer(checkpoint_id, f"chk-{checkpoint_id}", True)),
        lambda kept: dataclasses.replace(
            kept,
            checkpoints=_with(kept.checkpoints, job_id, tuple(sorted({*kept.checkpoints[job_id], checkpoint_id}))),
        ),
    )


def remove_checkpoint(job_id: JobID, checkpoint_id: int) -> Write:
    return Write(
        f"remove checkpoint {checkpoint_id} of {job_id[-1]}",
        lambda stores: stores.checkpoints[job_id].remove(checkpoint_id),
        lambda kept: dataclasses.replace(
            kept,
            checkpoints=_with(
                kept.checkpoints, job_id, tuple(each for each in kept.checkpoints[job_id] if each != checkpoint_id)
            ),
        ),
    )


def clear_checkpoints(job_id: JobID) -> Write:
    return Write(
        f"clear checkpoints of {job_id[-1]}",
        lambda stores: stores.checkpoints[job_id].clear(),
        lambda kept: dataclasses.replace(
            kept,
            checkpoints=_with(kept.checkpoints, job_id, ()),
            next_ids=_with(kept.next_ids, job_id, 1),
        ),
    )


A_LIFE = [
    put_graph(JOBS[0], "first"),
    reserve(JOBS[0], 1),
    add_checkpoint(JOBS[0], 1),
    put_graph(JOBS[0], "rescaled"),
    reserve(JOBS[0], 4),
    add_checkpoint(JOBS[0], 4),
    remove_checkpoint(JOBS[0], 1),
    put_result(JOBS[0], "done"),
    remove_graph(JOBS[0]),
    clear_checkpoints(JOBS[0]),
    mark_clean(JOBS[0]),
    forget_result(JOBS[0]),
]


async def run(
    script: list[Write],
    directory: Path,
    *,
    at: int | None = None,
    fault: Fault = Fault.KILL_BEFORE,
    file_kill_at: int | None = None,
    file_failures: float = 0.0,
) -> int:
    """Run the script with a fault, let the next leader look, and return how many steps there were."""
    zookeeper = SimulatedZooKeeper()
    client, term = await begin_term(zookeeper, at=at, fault=fault)
    files = FaultyFileSystem(file_system_of(str(directory)), kill_at=file_kill_at, failures=file_failures)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage_module, "file_system_of", lambda *_: files)
        end = fault_points.listen(lambda _: client.reached())
        stores = Stores(term, directory)
        before = after = Kept()
        try:
            for write in script:
                after = write.expected(before)
                try:
                    await write.carry_out(stores)
                except HostKilledError:
                    break
                except OutcomeUnknownError:
                    assert fault in EXPIRY, "the term goes on, so it can be found out"
                    break
                except LeadershipLostError:
                    assert fault in EXPIRY
                    after = before
                    break
                except FileSystemError:
                    assert file_failures
                    after = before
                except MillstreamError:
                    assert after == before, write  # it is refused, and changes nothing
                before = after
        finally:
            end()
    if client.inner.session_id in zookeeper.sessions:
        zookeeper.expire(client.inner)
    client.at = None
    next_client, next_term = await begin_term(zookeeper)
    successor = Stores(next_term, directory)
    found = await successor.kept()
    assert found in (before, after), fault
    if script is not A_LIFE:
        if not client.is_dead and not files.is_dead:
            await nothing_is_written(stores, zookeeper)
        await goes_on(successor, found)
    await next_client.inner.close()
    await client.inner.close()
    return client.calls if file_kill_at is None else len(files.calls)


async def nothing_is_written(stores: Stores, zookeeper: SimulatedZooKeeper) -> None:
    """A leader whose term is over does not believe it, and writes all the same."""
    written = {path: zookeeper.node(path) for path in zookeeper.paths()}
    for write in A_LIFE:
        with contextlib.suppress(MillstreamError):  # such as that an id is taken
            await write.carry_out(stores)
    with pytest.raises(LeadershipLostError):
        await stores.graphs.put(JobGraph(job_id=JOBS[0], name="of one who leads no more"))
    assert {path: zookeeper.node(path) for path in zookeeper.paths()} == written


async def goes_on(stores: Stores, found: Kept) -> None:
    """The next leader finds nothing in its way."""
    expected = found
    job_id = JOBS[0]
    for write in [
        put_graph(job_id, "of the successor"),
        reserve(job_id, found.next_ids[job_id]),
        add_checkpoint(job_id, found.next_ids[job_id]),
        put_result(job_id, "of the successor"),
    ]:
        await write.carry_out(stores)
        expected = write.expected(expected)
    assert await stores.kept() == expected


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
def test_a_fault_at_every_step_of_a_jobs_life(tmp_path: Path, fault: Fault) -> None:
    async def all_steps() -> None:
        steps = await run(A_LIFE, tmp_path)
        assert steps > 3 * len(A_LIFE)
        for at in range(steps):
            await run(A_LIFE, tmp_path, at=at, fault=fault)

    asyncio.run(all_steps())


def test_a_crash_at_every_file_operation_of_a_jobs_life(tmp_path: Path) -> None:
    async def all_operations() -> int:
        for at in itertools.count():
            if await run(A_LIFE, tmp_path, file_kill_at=at) <= at:
                return at
        raise AssertionError

    assert asyncio.run(all_operations()) >= 10


def test_a_leader_whose_term_is_over_writes_nothing(tmp_path: Path) -> None:
    for length in range(len(A_LIFE)):
        asyncio.run(run(A_LIFE[:length], tmp_path))


WRITES = st.one_of(
    st.builds(put_graph, st.sampled_from(JOBS), st.sampled_from(["a", "b"])),
    st.builds(remove_graph, st.sampled_from(JOBS)),
    st.builds(put_result, st.sampled_from(JOBS), st.sampled_from(["x", "y"])),
    st.builds(mark_clean, st.sampled_from(JOBS)),
    st.builds(forget_result, st.sampled_from(JOBS)),
    st.builds(reserve, st.sampled_from(JOBS), st.integers(1, 6)),
    st.builds(add_checkpoint, st.sampled_from(JOBS), st.integers(1, 6)),
    st.builds(remove_checkpoint, st.sampled_from(JOBS), st.integers(1, 6)),
    st.builds(clear_checkpoints, st.sampled_from(JOBS)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(script=st.lists(WRITES, max_size=12), at=st.integers(0, 60), fault=st.sampled_from(Fault))
def test_a_fault_in_any_script(
    tmp_path_factory: pytest.TempPathFactory, script: list[Write], at: int, fault: Fault
) -> None:
    asyncio.run(run(script, tmp_path_factory.mktemp("ha"), at=at, fault=fault))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(script=st.lists(WRITES, max_size=12))
def test_a_storage_that_fails_changes_nothing_by_halves(
    tmp_path_factory: pytest.TempPathFactory, script: list[Write]
) -> None:
    asyncio.run(run(script, tmp_path_factory.mktemp("ha"), file_failures=0.3))
