"""A ResourceManager, JobMasters and pretended TaskExecutors over an in-process network."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from millstream.common.clock import ManualClock
from millstream.common.config import Configuration
from millstream.common.high_availability.standalone import FixedLeaderDirectory, StandaloneLeadership
from millstream.common.ids import IdFactory
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph, TaskDeployment
from millstream.jobmanager.job_master import JobMaster
from millstream.jobmanager.resource_manager import ResourceManager
from tests.unit.jobmanager.fake_task_executor import FakeTaskExecutor, run_to_the_end

__all__ = ["FakeCluster", "until"]

_PATIENCE_SECONDS = 10.0


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; fail if it does not hold in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_SECONDS
    while not condition():
        assert loop.time() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.001)


class FakeCluster:
    """Use as an async context manager; at the end everything is closed and nothing may be left.

    :param configuration: of the cluster; heartbeats are frequent unless it says otherwise.
    """

    def __init__(self, configuration: dict[str, str] | None = None) -> None:
        self.configuration = Configuration.from_map(
            {"heartbeat.interval": "20 ms", "heartbeat.timeout": "2 s", **(configuration or {})}
        )
        self.network = InProcessNetwork()
        self.clock = ManualClock(1_000)
        self.ids = IdFactory(random.Random(11))
        self.master = self.network.service("master")
        self.leadership = StandaloneLeadership()
        self.resource_manager = ResourceManager(self.master, self.clock, self.configuration, self.ids)
        self.task_executors: list[FakeTaskExecutor] = []
        self.job_masters: list[JobMaster] = []
        self.ended: list[pb.JobDetails] = []

    async def __aenter__(self) -> FakeCluster:
        await self.master.start()
        await self.resource_manager.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for job_master in self.job_masters:
            await job_master.close()
        for task_executor in self.task_executors:
            await task_executor.close()
        await self.resource_manager.close()
        await self.master.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks were left behind: {left}"

    async def task_executor(
        self,
        name: str,
        slots: int = 1,
        behaviour: Callable[[TaskDeployment], str] = run_to_the_end,
        session_id: str = "session",
    ) -> FakeTaskExecutor:
        """Start a TaskExecutor."""
        task_executor = FakeTaskExecutor(self.network, name, slots, behaviour, session_id)
        self.task_executors.append(task_executor)
        await task_executor.start("master")
        return task_executor

    async def replace_resource_manager(self) -> None:
        """Let another leader take over, which knows nothing."""
        await self.resource_manager.close()
        self.resource_manager = ResourceManager(self.master, self.clock, self.configuration, self.ids)
        await self.resource_manager.start()

    async def submit(self, graph: JobGraph) -> JobMaster:
        """Start a JobMaster."""
        job_master = self.make(graph)
        await job_master.start()
        return job_master

    def make(self, graph: JobGraph) -> JobMaster:
        """Make a JobMaster that does not start by itself."""
        job_master = JobMaster(
            graph,
            self.master,
            self.clock,
            self.configuration,
            self.ids,
            FixedLeaderDirectory(self.master, "master"),
            self.leadership,
            self.ended.append,
        )
        self.job_masters.append(job_master)
        return job_master

    async def free_slots(self) -> int:
        """Return what the ResourceManager believes to be free."""
        return (await self.resource_manager.get_resource_overview(pb.Empty())).slots_available

    async def until_free(self, slots: int) -> None:
        """Return when so many slots are free."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        while (free := await self.free_slots()) != slots:
            assert loop.time() < deadline, f"{free} slots are free instead of {slots}"
            await asyncio.sleep(0.001)
