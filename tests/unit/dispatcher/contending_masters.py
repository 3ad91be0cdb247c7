"""Two masters with faked elections and JobMasters, in virtual time: what tests of takeovers run on."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from millstream.common.clock import Clock, ManualClock
from millstream.common.config import ClusterOptions, Configuration
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leadership import Leadership
from millstream.common.ids import IdFactory, JobID
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.rpc.service import EndpointNotFoundError, RpcService
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.dispatcher.master import Master
from tests.unit.dispatcher.fake_job_master import FakeJobMaster, graph, hex_id
from tests.unit.dispatcher.fake_services import FakeElection, FakeServices, FakeTerm

PATIENCE_SECONDS = 300.0
SHUTDOWN_SECONDS = 30.0


class Candidate:
    """One master process and the JobMasters that it has made."""

    def __init__(self, name: str, network: InProcessNetwork, election: FakeElection, world: World) -> None:
        self.name = name
        self.rpc = network.service(name)
        self.services = FakeServices(election)
        self.services.default_checkpoint_directory = world.checkpoint_directory
        self.made: list[FakeJobMaster] = []
        self._election = election
        self._world = world
        self.master = Master(
            self.rpc, world.clock, world.configuration, IdFactory(random.Random(name)), self.services, self._make
        )

    def _make(
        self,
        job_graph: JobGraph,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        leaders: LeaderDirectory,
        leadership: Leadership,
        on_terminal: Callable[[pb.JobDetails], None],
    ) -> FakeJobMaster:
        assert self._world.ended.isdisjoint({job_graph.job_id}), "a job that has ended is run again"
        job_master = FakeJobMaster(job_graph, clock, on_terminal)
        self._world.prepare(job_master)
        self.made.append(job_master)
        return job_master

    def running(self, number: int = 1) -> FakeJobMaster | None:
        """The JobMaster of a job that has started and is not closed."""
        found = [
            made
            for made in self.made
            if made.report.summary.job_id == hex_id(number) and made.started and not made.closed
        ]
        assert len(found) <= 1, "two JobMasters of one job in one process"
        return found[0] if found else None

    async def lead(self) -> FakeTerm:
        """Grant it the leadership and wait until it is known."""
        term = self._election.grant(self.services)
        await eventually(
            lambda: self._leads("dispatcher") and self._leads("resourcemanager"), f"{self.name} is known to lead"
        )
        return term

    def _leads(self, endpoint: str) -> bool:
        published = self._election.published.get(endpoint)
        return published is not None and published.address == self.name

    async def dispatcher(self) -> DispatcherGateway:
        token = await self._world.client.leader_session_id(self.name, "dispatcher")
        timeout = timedelta(seconds=PATIENCE_SECONDS)
        return self._world.client.connect(DispatcherGateway, self.name, "dispatcher", token, timeout)

    async def submit(self, number: int = 1) -> None:
        await (await self.dispatcher()).submit_job(pb.SubmitJobRequest(job_graph=graph(number)))

    async def run_job(self, number: int = 1) -> FakeJobMaster:
        await self.submit(number)
        await eventually(lambda: self.running(number) is not None, f"job {number} runs")
        job_master = self.running(number)
        assert job_master is not None
        return job_master

    async def result(self, number: int = 1) -> pb.JobDetails:
        request = pb.AwaitJobResultRequest(job_id=hex_id(number), max_wait_ms=int(PATIENCE_SECONDS * 1000))
        return await (await self.dispatcher()).await_job_result(request)

    async def details(self, number: int = 1) -> pb.JobDetails:
        return await (await self.dispatcher()).get_job_details(pb.JobRequest(job_id=hex_id(number)))

    async def states(self) -> dict[str, str]:
        jobs = (await (await self.dispatcher()).list_jobs(pb.ListJobsRequest())).jobs
        return {job.name: job.state for job in jobs}


class World:
    """Two masters, and whoever asks them."""

    def __init__(self, configuration: Configuration | None = None, checkpoint_directory: str | None = None) -> None:
        self.configuration = configuration if configuration is not None else Configuration()
        self.configuration.set(ClusterOptions.SHUTDOWN_TIMEOUT, timedelta(seconds=SHUTDOWN_SECONDS))
        self.checkpoint_directory = checkpoint_directory
        self.clock = ManualClock(1_000)
        self.network = InProcessNetwork()
        self.client = self.network.service("client")
        self.election = FakeElection()
        self.ended: set[str] = set()
        self.prepare: Callable[[FakeJobMaster], None] = lambda job_master: None
        self.first = Candidate("first", self.network, self.election, self)
        self.second = Candidate("second", self.network, self.election, self)

    async def kept_graphs(self) -> list[JobID]:
        return await self.election.graphs.job_ids()

    async def kept_result(self, number: int = 1) -> str | None:
        details = await self.election.results.get(JobID(hex_id(number)))
        return None if details is None else details.summary.state


@contextlib.asynccontextmanager
async def cluster(
    configuration: Configuration | None = None, checkpoint_directory: str | None = None
) -> AsyncIterator[World]:
    before = asyncio.all_tasks()
    world = World(configuration, checkpoint_directory)
    for candidate in (world.first, world.second):
        await candidate.rpc.start()
        await candidate.master.start()
    try:
        yield world
    finally:
        for candidate in (world.first, world.second):
            await candidate.master.close()
            for endpoint in ("dispatcher", "resourcemanager", *(f"jobmaster-{hex_id(n)}" for n in range(4))):
                with pytest.raises(EndpointNotFoundError):
                    await world.client.leader_session_id(candidate.name, endpoint)
        assert not world.election.watchers
        await world.client.close()
        await world.first.rpc.close()
        await world.second.rpc.close()
        left = asyncio.all_tasks() - before
        assert not left, f"tasks left over: {left}"


async def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"waited {PATIENCE_SECONDS} s in vain until {what}"
        await asyncio.sleep(0.002)


async def some_time(seconds: float = 1.0) -> None:
    """Let things happen, of which the test wants to see that they do not: time is virtual here."""
    await asyncio.sleep(seconds)
