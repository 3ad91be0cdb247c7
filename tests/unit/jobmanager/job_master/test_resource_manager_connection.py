"""A JobMaster follows the ResourceManager that the directory names, not the one that merely answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from millstream.common.clock import ManualClock
from millstream.common.config import Configuration
from millstream.common.high_availability.leader_directory import NoLeaderError
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.ids import IdFactory, JobID, LeaderSessionId
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.wire import cluster_pb2 as pb
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.job_master.resource_manager_connection import ResourceManagerConnection
from millstream.jobmanager.resource_manager import ResourceManager
from millstream.jobmanager.scheduler.events import ClusterResourcesReported
from tests.unit.jobmanager.fake_cluster import until

JOB, JM = JobID("a" * 32), LeaderSessionId("jm")


class Directory:
    """A directory of leaders in which a test writes."""

    description = "the test's directory"

    def __init__(self) -> None:
        self.leader: LeaderInformation | None = None
        self.watchers: list[Callable[[LeaderInformation | None], None]] = []

    def tell(self, leader: LeaderInformation | None) -> None:
        self.leader = leader
        for watcher in self.watchers:
            watcher(leader)

    async def current(self, endpoint: str) -> LeaderInformation:
        if self.leader is None:
            raise NoLeaderError(f"nobody leads {endpoint}")
        return self.leader

    def watch(self, endpoint: str, on_change: Callable[[LeaderInformation | None], None]) -> Callable[[], None]:
        self.watchers.append(on_change)
        return lambda: self.watchers.remove(on_change)

    async def close(self) -> None:
        self.watchers.clear()


def test_a_job_leaves_a_deposed_resource_manager_though_it_answers_and_comes_to_the_next_at_once() -> None:
    async def main() -> None:
        network, clock, ids = InProcessNetwork(), ManualClock(1000), IdFactory(random.Random(1))
        # Pauses would take an hour: nothing here waits for one.
        configuration = Configuration.from_map(
            {"cluster.registration.initial-timeout": "1 h", "cluster.registration.error-delay": "1 h"}
        )
        masters = [network.service(f"master-{number}") for number in range(2)]
        managers = [ResourceManager(rpc, clock, configuration, ids) for rpc in masters]
        for rpc, manager in zip(masters, managers, strict=True):
            await rpc.start()
            await manager.start()
        places = [
            LeaderInformation(rpc.address, manager.leader_session_id)
            for rpc, manager in zip(masters, managers, strict=True)
        ]
        own = network.service("job-master")
        await own.start()
        directory, tasks = Directory(), BackgroundTasks("test")
        answers: list[ClusterResourcesReported] = []
        connection = ResourceManagerConnection(own, directory, JOB, JM, configuration, answers.append)
        connection.declare(3)
        connection.start(tasks)
        await until(lambda: bool(directory.watchers))
        directory.tell(places[0])  # there was none when it asked first
        await until(lambda: len(answers) == 1)
        directory.tell(None)  # that is no reason to leave
        directory.leader = places[0]
        connection.declare(4)
        await until(lambda: len(answers) == 2)
        directory.tell(places[1])
        await until(lambda: len(answers) == 3)
        request = pb.Heartbeat(**{"from": f"jobmaster-{JOB}", "session_id": JM})
        await managers[1].heartbeat_from_job_master(request)
        await connection.disconnect("the test is over")
        await tasks.close()
        assert not directory.watchers
        for manager in managers:
            await manager.close()
        for rpc in [own, *masters]:
            await rpc.close()

    asyncio.run(asyncio.wait_for(main(), 20))
