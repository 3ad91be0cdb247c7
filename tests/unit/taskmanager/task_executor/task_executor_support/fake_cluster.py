"""A TaskExecutor among fakes, joined by the in-process network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from millstream.common.clock import ManualClock
from millstream.common.config import Configuration
from millstream.common.high_availability.standalone import FixedLeaderDirectory
from millstream.common.ids import IdFactory, LeaderSessionId
from millstream.common.rpc.gateways import TaskExecutorGateway
from millstream.common.rpc.in_process import InProcessNetwork, InProcessRpcService
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobVertex, TaskDeployment
from millstream.taskmanager.task_executor import TaskExecutor
from tests.unit.taskmanager.task_executor.task_executor_support.fake_leaders import FakeLeaderDirectory
from tests.unit.taskmanager.task_executor.task_executor_support.fake_master import FakeJobMaster, FakeResourceManager
from tests.unit.taskmanager.task_executor.task_executor_support.fake_workers import FakeWorker, FakeWorkerPool

TIMEOUT_S = 10.0
JOB = "a" * 32
OTHER_JOB = "b" * 32

FAST = {
    "taskmanager.numberOfTaskSlots": "2",
    "taskmanager.resource-id": "tm-1",
    "cluster.registration.initial-timeout": "5 ms",
    "cluster.registration.error-delay": "20 ms",
    "pekko.ask.timeout": "500 ms",
}


class FakeCluster:
    """``rm`` at address "master", JobMasters at "jobs", the TaskExecutor at "tm"."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.configuration = Configuration.from_map({**FAST, **settings})
        self.network = InProcessNetwork(self.configuration)
        self.pool = FakeWorkerPool()
        self.clock = ManualClock(1_000)
        self.fatal: list[str] = []
        self.leaders: FakeLeaderDirectory | None = None
        self._services: list[InProcessRpcService] = []

    async def service(self, address: str) -> InProcessRpcService:
        service = self.network.service(address)
        await service.start()
        self._services.append(service)
        return service

    async def start_resource_manager(self, session_id: str = "rm-1") -> FakeResourceManager:
        self.rm = FakeResourceManager(await self.service("master"), session_id)
        return self.rm

    async def start_job_master(self, job_id: str = JOB, session_id: str = "jm-1") -> FakeJobMaster:
        if not hasattr(self, "jobs"):
            self.jobs = await self.service("jobs")
        return FakeJobMaster(self.jobs, job_id, session_id)

    async def start_task_executor(self) -> TaskExecutor:
        rpc = await self.service("tm")
        self.executor = TaskExecutor(
            rpc,
            self.clock,
            self.configuration,
            IdFactory(random.Random(1)),
            FixedLeaderDirectory(rpc, "master") if self.leaders is None else self.leaders,
            self.pool,
            "host-1",
            on_fatal=self.fatal.append,
        )
        await self.executor.start()
        return self.executor

    async def connect(self) -> TaskExecutorGateway:
        client = await self.service(f"client-{len(self._services)}")
        session_id = await client.leader_session_id("tm", "taskexecutor-tm-1")
        return self.connect_as(client, session_id)

    @staticmethod
    def connect_as(client: InProcessRpcService, session_id: LeaderSessionId) -> TaskExecutorGateway:
        return client.connect(TaskExecutorGateway, "tm", "taskexecutor-tm-1", session_id)  # type: ignore[type-abstract]  # names the service

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what messages bring about."""

        async def wait() -> None:
            while not condition():  # noqa: ASYNC110  # many places change it
                await asyncio.sleep(0.002)

        try:
            await asyncio.wait_for(wait(), TIMEOUT_S)
        except asyncio.TimeoutError:
            raise AssertionError("what was waited for did not happen") from None

    async def close(self) -> None:
        if hasattr(self, "executor"):
            await self.executor.close()
        for service in self._services:
            await service.close()
        left_over = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left_over, left_over


@asynccontextmanager
async def fake_cluster(settings: Mapping[str, str]) -> AsyncIterator[FakeCluster]:
    cluster = FakeCluster(settings)
    try:
        yield cluster
    finally:
        await cluster.close()


class RunningJob:
    """A registered TaskExecutor, one JobMaster, and helpers to act as them."""

    def __init__(self, cluster: FakeCluster, job_master: FakeJobMaster, gateway: TaskExecutorGateway) -> None:
        self.cluster = cluster
        self.job_master = job_master
        self.gateway = gateway

    @property
    def workers(self) -> list[FakeWorker]:
        return self.cluster.pool.workers

    def slot_request(self, slot_index: int = 0, allocation_id: str = "alloc-0") -> pb.RequestSlotRequest:
        return pb.RequestSlotRequest(
            slot_index=slot_index,
            job_id=self.job_master.job_id,
            allocation_id=allocation_id,
            job_master_address=self.job_master.address,
            job_master_id=self.job_master.session_id,
            resource_manager_id=self.cluster.rm.session_id,
        )

    async def take_slot(self, slot_index: int = 0, allocation_id: str = "alloc-0") -> FakeWorker:
        """Have a slot allocated and taken up; return its worker."""
        await self.gateway.request_slot(self.slot_request(slot_index, allocation_id))
        await self.cluster.until(lambda: any(o.allocation_id == allocation_id for o in self.job_master.offers))
        return next(
            worker
            for worker in self.workers
            if worker.commands and worker.commands[0].prepare.allocation_id == allocation_id
        )

    async def submit(self, *attempts: str, allocation_id: str = "alloc-0") -> None:
        tasks = [
            TaskDeployment(
                job_id=self.job_master.job_id,
                vertex=JobVertex(name=f"task {attempt}", parallelism=2),
                attempt_id=attempt,
                allocation_id=allocation_id,
            )
            for attempt in attempts
        ]
        await self.gateway.submit_tasks(pb.SubmitTasksRequest(job_master_id=self.job_master.session_id, tasks=tasks))

    async def cancel(self, *attempts: str) -> None:
        await self.gateway.cancel_tasks(
            pb.CancelTasksRequest(job_master_id=self.job_master.session_id, attempt_ids=attempts)
        )

    async def give_back(self, allocation_id: str, cause: str = "") -> None:
        await self.gateway.free_slot(
            pb.FreeSlotRequest(allocation_id=allocation_id, cause=cause, job_master_id=self.job_master.session_id)
        )

    async def heartbeat(self, *known: str) -> pb.HeartbeatResponse:
        beat = pb.Heartbeat(session_id=self.job_master.session_id, known_allocations=known)
        setattr(beat, "from", f"jobmaster-{self.job_master.job_id}")
        return await self.gateway.heartbeat_from_job_master(beat)

    async def slots(self) -> list[str]:
        """Return the allocation of each slot, "" for free ones, as the ResourceManager hears it."""
        beat = pb.Heartbeat(session_id=self.cluster.rm.session_id)
        response = await self.gateway.heartbeat_from_resource_manager(beat)
        return [slot.allocation_id for slot in response.slots]

    def states(self) -> list[tuple[str, str]]:
        return [(state.attempt_id, state.state) for state in self.job_master.states]


def with_job(test: Callable[[RunningJob], Awaitable[None]], settings: Mapping[str, str] | None = None) -> None:
    """Run ``test`` with a registered TaskExecutor and one JobMaster."""

    async def run() -> None:
        async with fake_cluster(settings or {}) as cluster:
            await cluster.start_resource_manager()
            job_master = await cluster.start_job_master()
            executor = await cluster.start_task_executor()
            await asyncio.wait_for(executor.wait_registered(), TIMEOUT_S)
            await test(RunningJob(cluster, job_master, await cluster.connect()))

    asyncio.run(run())
