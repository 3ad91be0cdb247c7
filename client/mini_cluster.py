"""A whole cluster inside this process: what ``python job.py`` and tests run on.

A :class:`MiniCluster` is the real Master and the real TaskExecutors on one event loop in a background thread,
joined by the in-process RPC carrier. Nothing but the workers' data ports is opened, and the REST interface where
``rest.port`` or ``rest.bind-port`` is set. Its slots are worker processes, as on a real cluster, or threads of this
process (``isolation="thread"``), where a debugger reaches user code.
"""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from millstream.client.loop_thread import LoopThread
from millstream.client.remote.cluster_client import ClusterClient
from millstream.client.remote.dispatcher_leader import DispatcherLeader
from millstream.common.clock import SystemClock
from millstream.common.config import (
    ClientOptions,
    Configuration,
    LocalOptions,
    RestOptions,
    TaskManagerOptions,
)
from millstream.common.errors import InvalidProgramError, MillstreamError
from millstream.common.high_availability.standalone import FixedLeaderDirectory
from millstream.common.ids import IdFactory
from millstream.common.wire import cluster_pb2 as pb

if TYPE_CHECKING:
    from millstream.client.remote.job_client import RpcJobClient
    from millstream.common.rpc.in_process import InProcessNetwork
    from millstream.common.rpc.service import RpcService
    from millstream.common.wire.graph_pb2 import JobGraph
    from millstream.dispatcher.master import Master
    from millstream.dispatcher.rest.server import RestServer
    from millstream.taskmanager.task_executor import TaskExecutor
    from millstream.taskmanager.worker.handle import WorkerPool

__all__ = ["Isolation", "MiniCluster"]

Isolation = Literal["process", "thread"]

_log = logging.getLogger(__name__)

_MASTER = "master"
_START_SECONDS = 60.0
_CLOSE_SECONDS = 30.0
_POLL_SECONDS = 0.005


class MiniCluster:
    """A Master and ``num_task_managers`` TaskManagers in this process. Use it in a ``with`` statement.

    :param num_task_managers: how many TaskExecutors.
    :param slots_per_task_manager: slots of each.
    :param isolation: whether a slot is a ``"process"`` or a ``"thread"``.
    :param configuration: the cluster's settings; slots and isolation are set in a copy of it.
    """

    def __init__(
        self,
        num_task_managers: int = 1,
        slots_per_task_manager: int = 1,
        isolation: Isolation = "process",
        configuration: Configuration | None = None,
    ) -> None:
        if num_task_managers < 1 or slots_per_task_manager < 1:
            raise ValueError("A MiniCluster needs at least one TaskManager and one slot in each")
        if isolation not in ("process", "thread"):
            raise ValueError(f'isolation is "process" or "thread", not {isolation!r}')
        self._num_task_managers = num_task_managers
        self._isolation: Isolation = isolation
        self._configuration = (configuration or Configuration()).copy()
        self._configuration.set(TaskManagerOptions.NUM_TASK_SLOTS, slots_per_task_manager)
        self._configuration.set(TaskManagerOptions.SLOT_ISOLATION, isolation)
        self._slots = num_task_managers * slots_per_task_manager
        self._parts: _Parts | None = None
        self._loop_thread: LoopThread | None = None
        self._client: ClusterClient | None = None

    @property
    def slots(self) -> int:
        """Slots of the whole cluster."""
        return self._slots

    @property
    def isolation(self) -> Isolation:
        return self._isolation

    @property
    def configuration(self) -> Configuration:
        """A copy of the cluster's settings."""
        return self._configuration.copy()

    @property
    def client(self) -> ClusterClient:
        """The blocking client of this cluster's Dispatcher.

        :raises RuntimeError: the cluster is not running.
        """
        if self._client is None:
            raise RuntimeError("This MiniCluster is not running: start() it, or use it in a with statement")
        return self._client

    @property
    def running(self) -> bool:
        return self._client is not None

    @property
    def rest_url(self) -> str | None:
        """Where the REST interface is served, ``None`` if it is not."""
        return self._parts.rest_url if self._parts is not None else None

    def start(self) -> MiniCluster:
        """Start everything; returns when all slots are there. Returns the cluster itself.

        :raises MillstreamError: a part did not start; everything that had is closed again.
        """
        if self._client is not None:
            return self
        loop_thread = LoopThread("millstream-mini-cluster")
        parts = _Parts(self._num_task_managers, self._isolation, self._configuration)
        self._loop_thread, self._parts = loop_thread, parts
        try:
            loop_thread.run(parts.start(), _START_SECONDS)
            self._client = ClusterClient(
                loop_thread,
                parts.client_rpc,
                DispatcherLeader(FixedLeaderDirectory(parts.client_rpc, _MASTER), changes=False),
                self._configuration.get(ClientOptions.TIMEOUT),
            )
        except BaseException:
            self.close()
            raise
        return self

    def submit(self, job_graph: JobGraph) -> RpcJobClient:
        """Run a job on this cluster; returns when the Dispatcher has accepted it.

        :raises InvalidProgramError: the job has archives, and slots are threads.
        """
        archives = [artifact.name for artifact in job_graph.artifacts if artifact.kind == "archive"]
        if archives and self._isolation == "thread":
            raise InvalidProgramError(
                f"job {job_graph.name!r} cannot run in threads, because of its archive {archives[0]!r}: its functions "
                "find it in the working directory, which threads share with the program. Run it in processes "
                f"({LocalOptions.EXECUTION.key}: process; a MiniCluster with isolation='process')"
            )
        return self.client.submit(job_graph)

    def close(self) -> None:
        """Cancel all jobs, end all workers and threads. May be called twice."""
        parts, loop_thread = self._parts, self._loop_thread
        self._client = self._parts = self._loop_thread = None
        if loop_thread is None:
            return
        try:
            if parts is not None:
                loop_thread.run(parts.close(), _CLOSE_SECONDS)
        finally:
            loop_thread.close()

    def __enter__(self) -> MiniCluster:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Parts:
    """What runs on the cluster's event loop; all methods are called there."""

    def __init__(self, num_task_managers: int, isolation: Isolation, configuration: Configuration) -> None:
        self._num_task_managers = num_task_managers
        self._isolation = isolation
        self._configuration = configuration
        self._services: list[RpcService] = []
        self._master: Master | None = None
        self._task_executors: list[TaskExecutor] = []
        self._pools: list[WorkerPool] = []
        self._client_rpc: RpcService | None = None
        self._rest: RestServer | None = None

    @property
    def rest_url(self) -> str | None:
        return self._rest.url if self._rest is not None else None

    @property
    def client_rpc(self) -> RpcService:
        assert self._client_rpc is not None, "the cluster is not started"
        return self._client_rpc

    async def start(self) -> None:
        from millstream.common.high_availability.standalone import StandaloneServices
        from millstream.common.rpc.in_process import InProcessNetwork
        from millstream.dispatcher.master import Master

        network = InProcessNetwork()
        self._client_rpc = await self._service(network, "client")
        clock, ids = SystemClock(), IdFactory()
        master_rpc = await self._service(network, _MASTER)
        services = StandaloneServices(master_rpc)
        self._master = Master(master_rpc, clock, self._configuration, ids, services)
        await self._master.start()
        if any(self._configuration.contains(option) for option in (RestOptions.PORT, RestOptions.BIND_PORT)):
            from millstream.dispatcher.rest.start import start_rest_server

            try:
                self._rest = await start_rest_server(self._configuration, master_rpc, services.leaders, clock, ids)
            except OSError as error:  # the port may be a real cluster's, in a file for both; jobs run all the same
                _log.warning("This MiniCluster does without the REST interface: %s", error)
        await asyncio.gather(*(self._start_task_executor(network, i) for i in range(self._num_task_managers)))
        await self._wait_for_slots()

    async def close(self) -> None:
        """Close all, in the order of a real cluster's end, whatever fails on the way."""
        steps = [executor.close() for executor in self._task_executors]
        steps += [pool.close() for pool in self._pools]
        if self._master is not None:
            # The master first: it cancels its jobs while their TaskManagers still listen.
            steps.insert(0, self._master.close())
        if self._rest is not None:
            steps.insert(0, self._rest.close())
        steps += [service.close() for service in self._services]
        problems: list[Exception] = []
        for step in steps:
            try:
                await step
            except Exception as error:  # noqa: BLE001  # the rest must be closed all the same
                _log.exception("A part of the MiniCluster did not close cleanly")
                problems.append(error)
        self._task_executors, self._pools, self._services, self._master, self._rest = [], [], [], None, None
        if problems:
            raise MillstreamError(f"The MiniCluster did not close cleanly: {problems[0]}") from problems[0]

    async def _service(self, network: InProcessNetwork, address: str) -> RpcService:
        service = network.service(address)
        await service.start()
        self._services.append(service)
        return service

    async def _start_task_executor(self, network: InProcessNetwork, index: int) -> None:
        from millstream.taskmanager.task_executor import TaskExecutor

        rpc = await self._service(network, f"taskmanager-{index}")
        pool = self._make_pool()
        self._pools.append(pool)
        await pool.start()
        executor = TaskExecutor(
            rpc,
            SystemClock(),
            self._configuration.copy(),
            IdFactory(),
            FixedLeaderDirectory(rpc, _MASTER),
            pool,
            self._configuration.get(TaskManagerOptions.HOST) or "localhost",
        )
        self._task_executors.append(executor)
        await executor.start()

    def _make_pool(self) -> WorkerPool:
        if self._isolation == "thread":
            from millstream.taskmanager.worker.thread_pool import ThreadWorkerPool

            return ThreadWorkerPool(self._configuration)
        from millstream.taskmanager.worker.process_pool import ProcessWorkerPool

        spare = self._configuration.get(TaskManagerOptions.PRESTARTED_WORKERS)
        if spare < 0:
            spare = self._configuration.get(TaskManagerOptions.NUM_TASK_SLOTS)
        return ProcessWorkerPool(self._configuration, spare)

    async def _wait_for_slots(self) -> None:
        """Wait until every TaskManager has registered its slots (the caller's time limit ends it)."""
        from millstream.common.rpc.gateways import DispatcherGateway

        wanted = self._num_task_managers * self._configuration.get(TaskManagerOptions.NUM_TASK_SLOTS)
        session = await self.client_rpc.leader_session_id(_MASTER, "dispatcher")
        dispatcher = self.client_rpc.connect(
            # The Protocol class only names the service; it is not instantiated.
            DispatcherGateway,  # type: ignore[type-abstract]
            _MASTER,
            "dispatcher",
            session,
        )
        while (await dispatcher.get_cluster_overview(pb.Empty())).slots_total < wanted:  # noqa: ASYNC110  # over RPC
            await asyncio.sleep(_POLL_SECONDS)
