"""High availability that a test is in charge of: who leads and when, and which reads and writes fail."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from millstream.common.errors import MillstreamError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointers, OutcomeUnknownError
from millstream.common.high_availability.leader_directory import LeaderDirectory, NoLeaderError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import LeaderContender, LeadershipLostError
from millstream.common.high_availability.memory_stores import (
    MemoryCheckpointPointers,
    MemoryJobGraphStore,
    MemoryJobResultStore,
)
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["FakeElection", "FakeServices", "FakeTerm"]

T = TypeVar("T")


class FakeElection:
    """Grants and revokes leaderships, and has what all leaders keep.

    :ivar fail_before: operations (``put graph`` and the like) that fail without effect, so many times.
    :ivar fail_after: operations that are carried out and seem to fail, so many times.
    :ivar seconds: how long each operation takes.
    """

    def __init__(self) -> None:
        self.graphs = MemoryJobGraphStore()
        self.results = MemoryJobResultStore()
        self.pointers: dict[JobID, MemoryCheckpointPointers] = {}
        self.published: dict[str, LeaderInformation] = {}
        self.watchers: list[tuple[str, Callable[[LeaderInformation | None], None]]] = []
        self.fail_before: Counter[str] = Counter()
        self.fail_after: Counter[str] = Counter()
        self.seconds = 0.01
        self.term: FakeTerm | None = None
        self.log: list[str] = []

    def grant(self, services: FakeServices) -> FakeTerm:
        """Let a new term begin."""
        self.depose()
        self.term = FakeTerm(self)
        services.term = self.term
        assert services.contender is not None
        services.contender.granted(self.term)
        return self.term

    def depose(self) -> None:
        """End the present term without telling its leader."""
        self.term = None
        self.published.clear()
        for _, on_change in self.watchers:
            on_change(None)

    def revoke(self, services: FakeServices, reason: str = "connection lost") -> None:
        """End a term and tell its leader."""
        term, services.term = services.term, None
        assert term is not None
        if self.term is term:
            self.depose()
        term.is_valid = False
        assert services.contender is not None
        services.contender.revoked(reason)


class FakeTerm:
    """Implements Leadership, and both of its stores."""

    def __init__(self, election: FakeElection) -> None:
        self._election = election
        self.is_valid = True

    @property
    def job_graphs(self) -> _Graphs:
        return _Graphs(self, self._election)

    @property
    def job_results(self) -> _Results:
        return _Results(self, self._election)

    def checkpoints(self, job_id: JobID) -> CheckpointPointers:
        return self._election.pointers.setdefault(job_id, MemoryCheckpointPointers())

    async def publish(self, endpoint: str, leader: LeaderInformation) -> None:
        async def effect() -> None:
            self._election.published[endpoint] = leader
            for watched, on_change in self._election.watchers:
                if watched == endpoint:
                    on_change(leader)

        await self.carry_out(f"publish {endpoint}", effect)

    async def withdraw(self, endpoint: str) -> None:
        raise AssertionError("what is published goes with the term")

    async def forget_job(self, job_id: JobID) -> None:
        await self.carry_out("forget job", lambda: self._election.graphs.remove(job_id))

    async def carry_out(self, what: str, effect: Callable[[], Awaitable[T]]) -> T:
        election = self._election
        await asyncio.sleep(election.seconds)
        if election.term is not self:
            raise LeadershipLostError(f"{what}: the term is over")
        if election.fail_before[what] > 0:
            election.fail_before[what] -= 1
            raise MillstreamError(f"{what}: no room")
        result = await effect()
        election.log.append(what)
        if election.fail_after[what] > 0:
            election.fail_after[what] -= 1
            raise OutcomeUnknownError(f"{what}: no answer")
        return result


class _Graphs:
    def __init__(self, term: FakeTerm, election: FakeElection) -> None:
        self._term = term
        self._graphs = election.graphs

    async def put(self, graph: JobGraph) -> None:
        await self._term.carry_out("put graph", lambda: self._graphs.put(graph))

    async def job_ids(self) -> list[JobID]:
        return await self._term.carry_out("list graphs", self._graphs.job_ids)

    async def get(self, job_id: JobID) -> JobGraph:
        return await self._term.carry_out(f"get graph {job_id[-1]}", lambda: self._graphs.get(job_id))

    async def remove(self, job_id: JobID) -> None:
        raise AssertionError("a job is forgotten as a whole")


class _Results:
    def __init__(self, term: FakeTerm, election: FakeElection) -> None:
        self._term = term
        self._results = election.results

    async def put_dirty(self, details: JobDetails) -> None:
        await self._term.carry_out("put result", lambda: self._results.put_dirty(details))

    async def mark_clean(self, job_id: JobID) -> None:
        await self._term.carry_out("mark clean", lambda: self._results.mark_clean(job_id))

    async def dirty(self) -> list[JobDetails]:
        return await self._term.carry_out("list dirty", self._results.dirty)

    async def all(self) -> list[JobDetails]:
        return await self._term.carry_out("list results", self._results.all)

    async def get(self, job_id: JobID) -> JobDetails | None:
        return await self._term.carry_out("get result", lambda: self._results.get(job_id))

    async def forget(self, job_id: JobID) -> None:
        await self._term.carry_out("forget result", lambda: self._results.forget(job_id))


class _Directory:
    """Implements LeaderDirectory."""

    description = "the test"

    def __init__(self, election: FakeElection) -> None:
        self._election = election

    async def current(self, endpoint: str) -> LeaderInformation:
        try:
            return self._election.published[endpoint]
        except KeyError:
            raise NoLeaderError(f"nobody leads {endpoint}") from None

    def watch(self, endpoint: str, on_change: Callable[[LeaderInformation | None], None]) -> Callable[[], None]:
        watcher = endpoint, on_change
        self._election.watchers.append(watcher)
        return lambda: self._election.watchers.remove(watcher)

    async def close(self) -> None:
        raise AssertionError("the directory is not the master's")


class FakeServices:
    """Implements HighAvailabilityServices."""

    survives_its_leader = True

    def __init__(self, election: FakeElection) -> None:
        self.leaders: LeaderDirectory = _Directory(election)
        self.default_checkpoint_directory: str | None = None
        self.contender: LeaderContender | None = None
        self.term: FakeTerm | None = None

    async def start(self) -> None:
        raise AssertionError("the services are not the master's")

    def contend(self, contender: LeaderContender) -> None:
        assert self.contender is None
        self.contender = contender

    async def close(self) -> None:
        raise AssertionError("the services are not the master's")
