"""A simulated cluster: ZooKeeper, masters, TaskManagers and a client, each on a host of its own.

Masters and TaskManagers are the real ones, started as their programs start them. As in a real cluster somebody starts
a process again that has ended (systemd, Kubernetes, a script), after a while.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from millstream.common.config import (
    Configuration,
    HeartbeatOptions,
    HighAvailabilityOptions,
    JobManagerOptions,
    TaskManagerOptions,
)
from millstream.common.errors import MillstreamError
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.services import HighAvailabilityServices
from millstream.common.high_availability.standalone import FixedLeaderDirectory, StandaloneServices
from millstream.common.high_availability.zookeeper import paths
from millstream.common.high_availability.zookeeper.leader_directory import ZooKeeperLeaderDirectory
from millstream.common.high_availability.zookeeper.services import ZooKeeperServices
from millstream.common.ids import IdFactory
from millstream.dispatcher.master import Master
from millstream.taskmanager.metrics.task_manager_description import HostResources
from millstream.taskmanager.network.environment import NetworkEnvironment
from millstream.taskmanager.task_executor.task_executor import TaskExecutor
from millstream.testing.simulation.rpc import SimulatedRpcService
from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation, SimulationTimeoutError
from millstream.testing.simulation.storage import SimulatedStorage
from millstream.testing.simulation.worker_pool import SimulatedWorkerPool
from millstream.testing.simulation.zookeeper import SimulatedZooKeeper, SimulatedZooKeeperClient
from millstream.testing.simulation.zookeeper.in_simulation import SimulationScheduler
from millstream.testing.simulation.zookeeper_log import ZooKeeperLog

__all__ = ["SimulatedCluster", "Supervised"]

_MASTER_PORT: Final = 6123
_RESOURCES: Final = HostResources(cpu_cores=4, physical_memory=16 << 30, free_memory=8 << 30)
_SETTINGS: Final = {
    "heartbeat.interval": "1 s",
    "heartbeat.timeout": "5 s",
    "heartbeat.rpc-failure-threshold": "3",
    "slot.request.timeout": "60 s",
    "cluster.registration.initial-timeout": "200 ms",
    "cluster.registration.max-timeout": "2 s",
    "cluster.registration.error-delay": "500 ms",
    "cluster.registration.refused-registration-delay": "1 s",
    "taskmanager.registration.timeout": "5 min",
    "taskmanager.slot.timeout": "5 s",
    "resourcemanager.job.timeout": "20 s",
    "pekko.ask.timeout": "5 s",
    "task.cancellation.interval": "1 s",
    "task.cancellation.timeout": "10 s",
    "cluster.services.shutdown-timeout": "10 s",
    "taskmanager.memory.segment-size": "4 kb",
    "high-availability.zookeeper.client.session-timeout": "6 s",
    "high-availability.zookeeper.client.connection-timeout": "5 s",
    "high-availability.zookeeper.client.retry-wait": "500 ms",
}
"""Short times, so that what they wait for takes little of a run; all of them are settings that a user may make."""


@dataclass(slots=True)
class Supervised:
    """A place where a process is started again and again.

    :ivar role: ``master`` or ``taskmanager``.
    :ivar present: the process that runs there; ``None``: none at present.
    :ivar starts: how many there were.
    :ivar down: nobody starts it again until this is false.
    :ivar tell_to_end: does what SIGTERM does in reality; the program sets it.
    """

    role: str
    host: str
    main: Callable[[SimulatedProcess], Coroutine[Any, Any, object]]
    present: SimulatedProcess | None = None
    starts: int = 0
    down: bool = False
    tell_to_end: Callable[[], None] | None = None


class SimulatedCluster:
    """A cluster that runs in a simulation.

    :param masters: more than one take high availability, which ``configuration`` says.
    :param slots: of each TaskManager.
    :param storage: what there is to fail of it; the cluster uses whatever its paths lead to.
    :param configuration: over the short times that a simulation has by default.
    :ivar zookeeper: the ensemble; ``None``: there is no high availability.
    :ivar supervised: the places of masters and TaskManagers, by host.
    """

    def __init__(
        self,
        simulation: Simulation,
        masters: int = 2,
        task_managers: int = 2,
        slots: int = 2,
        configuration: Configuration | None = None,
        storage: SimulatedStorage | None = None,
    ) -> None:
        self.simulation = simulation
        self.storage = storage
        self.configuration = Configuration.from_map(dict(_SETTINGS))
        self.configuration.add_all(configuration or Configuration())
        self.configuration.set(TaskManagerOptions.NUM_TASK_SLOTS, slots)
        self.slots = task_managers * slots
        self._highly_available = self.configuration.get(HighAvailabilityOptions.TYPE).lower() == "zookeeper"
        if masters > 1 and not self._highly_available:
            raise ValueError(f"{masters} masters need {HighAvailabilityOptions.TYPE.key}: zookeeper")
        self._random: random.Random = simulation.source("cluster")
        self._closing = False
        self._networks: list[tuple[SimulatedProcess, NetworkEnvironment]] = []
        self.zookeeper: SimulatedZooKeeper | None = None
        self.zookeeper_log: ZooKeeperLog | None = None
        if self._highly_available:
            self.zookeeper = SimulatedZooKeeper(SimulationScheduler(simulation), servers=3, tick=1.0)
            self.zookeeper_log = ZooKeeperLog(simulation, self.zookeeper, paths.cluster_root(self.configuration))
        self.supervised: dict[str, Supervised] = {}
        for number in range(1, masters + 1):
            host = f"master-{number}"
            self.supervised[host] = Supervised("master", host, self._master)
        for number in range(1, task_managers + 1):
            host = f"taskmanager-{number}"
            self.supervised[host] = Supervised("taskmanager", host, self._task_manager)

    # ---------------------------------------------------------------- life

    def start(self) -> None:
        """Start all processes; they come up as time goes on."""
        for place in self.supervised.values():
            self._start(place)

    def close(self, timeout: float) -> list[str]:
        """Tell all processes to end, and run until they have, workers included.

        :param timeout: virtual seconds.
        :returns: those that have not.
        """
        self._closing = True
        for place in self.supervised.values():
            if place.present is not None and place.present.alive and place.tell_to_end is not None:
                place.present.loop.call_soon(place.tell_to_end)
        try:
            self.simulation.run_until(lambda: not self._alive(), timeout, "the end of all processes")
        except SimulationTimeoutError:
            return [f"{process.name} on {process.host}" for process in self._alive()]
        return []

    def _alive(self) -> list[SimulatedProcess]:
        return [process for process in self.simulation.processes.values() if process.alive]

    def processes(self, role: str) -> list[SimulatedProcess]:
        """Return the living processes of a role: ``master``, ``taskmanager`` or ``worker``."""
        if role == "worker":
            return [each for each in self._alive() if "-worker-" in each.name]
        return [
            place.present
            for place in self.supervised.values()
            if place.role == role and place.present is not None and place.present.alive
        ]

    def networks(self) -> list[tuple[SimulatedProcess, NetworkEnvironment]]:
        """Return the living workers, each with its data plane."""
        self._networks = [(process, network) for process, network in self._networks if process.alive]
        return list(self._networks)

    def _start(self, place: Supervised) -> None:
        if self._closing or place.down or (place.present is not None and place.present.alive):
            return
        place.starts += 1
        name = place.host if place.starts == 1 else f"{place.host}.{place.starts}"
        holder: list[SimulatedProcess] = []
        process = self.simulation.start_process(name, place.host, lambda: self._program(place, holder[0]))
        holder.append(process)
        place.present = process
        place.tell_to_end = None
        process.on_end(lambda _: self._ended(place))

    def _ended(self, place: Supervised) -> None:
        if not self._closing:
            self.simulation.at(self._random.uniform(0.3, 3.0), lambda: self._start(place))

    # ---------------------------------------------------------------- the programs

    async def _program(self, place: Supervised, process: SimulatedProcess) -> None:
        try:
            await place.main(process)
        except (MillstreamError, OSError) as error:
            # As the real programs do: say why, and end; somebody starts it again.
            self.simulation.timeline.record("process", f"cannot go on: {type(error).__name__}: {error}", process.name)

    async def _master(self, process: SimulatedProcess) -> None:
        configuration = self.configuration.copy()
        configuration.set(JobManagerOptions.ADDRESS, process.host)
        rpc = SimulatedRpcService(process, self.simulation.network, configuration, _MASTER_PORT)
        await rpc.start()
        try:
            ids = IdFactory(process.source("ids"))
            services = self._services(process, rpc, configuration, ids)
            try:
                await services.start()
                master = Master(rpc, process.clock, configuration, ids, services)
                stop = self._end_signal(process)
                try:
                    await master.start()
                    await _first_of(stop, asyncio.ensure_future(master.wait_shutdown()))
                finally:
                    await master.close()
            finally:
                await services.close()
        finally:
            await rpc.close()

    async def _task_manager(self, process: SimulatedProcess) -> None:
        configuration = self.configuration.copy()
        ended = self._end_signal(process)

        def end(reason: str) -> None:
            self.simulation.timeline.record("taskmanager", reason, process.name)
            if not ended.done():
                ended.set_result(None)

        standstill_s = configuration.get(HeartbeatOptions.TIMEOUT).total_seconds()
        pool = SimulatedWorkerPool(process, standstill_s, lambda *network: self._networks.append(network))
        rpc = SimulatedRpcService(process, self.simulation.network, configuration)
        await rpc.start()
        leaders = await self.directory(process, rpc)
        try:
            executor = TaskExecutor(
                rpc,
                process.clock,
                configuration,
                IdFactory(process.source("ids")),
                leaders,
                pool,
                process.host,
                on_fatal=end,
                resources=_RESOURCES,
            )
            try:
                await executor.start()
                await ended
            finally:
                await executor.close()
        finally:
            await leaders.close()
            await pool.close()
            await rpc.close()

    def _end_signal(self, process: SimulatedProcess) -> asyncio.Future[None]:
        """A future that is done when the present process of a place is told to end."""
        signal: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell() -> None:
            if not signal.done():
                signal.set_result(None)

        self.supervised[process.host].tell_to_end = tell
        if self._closing:  # it was told before it could listen
            tell()
        return signal

    def _services(
        self, process: SimulatedProcess, rpc: SimulatedRpcService, configuration: Configuration, ids: IdFactory
    ) -> HighAvailabilityServices:
        if self.zookeeper is None:
            return StandaloneServices(rpc)
        client = self._zookeeper_client(self.zookeeper, process)
        return ZooKeeperServices(client, configuration, ids, lambda: rpc.address)

    async def directory(self, process: SimulatedProcess, rpc: SimulatedRpcService) -> LeaderDirectory:
        """Return how a process finds who leads, connected; whoever asked for it closes it."""
        if self.zookeeper is None:
            return FixedLeaderDirectory(rpc, f"master-1:{_MASTER_PORT}")
        client = self._zookeeper_client(self.zookeeper, process)
        await client.start()
        return ZooKeeperLeaderDirectory(client, owns_client=True)

    def _zookeeper_client(self, zookeeper: SimulatedZooKeeper, process: SimulatedProcess) -> SimulatedZooKeeperClient:
        get = self.configuration.get
        return zookeeper.client(
            paths.cluster_root(self.configuration),
            host=process.host,
            session_timeout=get(HighAvailabilityOptions.ZOOKEEPER_SESSION_TIMEOUT).total_seconds(),
            connection_timeout=get(HighAvailabilityOptions.ZOOKEEPER_CONNECTION_TIMEOUT).total_seconds(),
            retry_wait=get(HighAvailabilityOptions.ZOOKEEPER_RETRY_WAIT).total_seconds(),
            max_retry_attempts=get(HighAvailabilityOptions.ZOOKEEPER_MAX_RETRY_ATTEMPTS),
        )


async def _first_of(*futures: asyncio.Future[None]) -> None:
    """Return when one of them is done, as it is; the others are cancelled."""
    try:
        done, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()
    for future in done:
        future.result()
