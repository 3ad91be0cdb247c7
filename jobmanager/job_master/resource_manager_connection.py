"""The JobMaster's connection to the ResourceManager: finds the leader, registers, declares, and begins anew when it
is lost, or when another leads.

Declaring is idempotent, so after every registration the present requirement is simply declared again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from millstream.common.config import ClusterOptions, Configuration, StateOptions
from millstream.common.errors import MillstreamError
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.ids import JobID, LeaderSessionId
from millstream.common.rpc.gateways import ResourceManagerGateway
from millstream.common.rpc.service import RpcService
from millstream.common.wire import cluster_pb2 as pb
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.heartbeat.heartbeat_sender import HeartbeatSettings
from millstream.jobmanager.scheduler.events import ClusterResourcesReported

__all__ = ["ResourceManagerConnection"]

logger = logging.getLogger(__name__)

_ENDPOINT = "resourcemanager"
_GOODBYE_TIMEOUT = timedelta(seconds=2)


class ResourceManagerConnection:
    """Keeps a job registered.

    :param leaders: tell who the ResourceManager is.
    :param on_resources: gets what the ResourceManager answers to each declaration.
    """

    def __init__(
        self,
        rpc: RpcService,
        leaders: LeaderDirectory,
        job_id: JobID,
        job_master_id: LeaderSessionId,
        configuration: Configuration,
        on_resources: Callable[[ClusterResourcesReported], None],
    ) -> None:
        self._rpc = rpc
        self._leaders = leaders
        self._job_id = job_id
        self._job_master_id = job_master_id
        self._interval_s = HeartbeatSettings.from_configuration(configuration).interval_s
        self._first_delay_s = configuration.get(ClusterOptions.REGISTRATION_INITIAL_TIMEOUT).total_seconds()
        self._longest_delay_s = configuration.get(ClusterOptions.REGISTRATION_ERROR_DELAY).total_seconds()
        self._on_resources = on_resources
        # There the tasks' state is, if copies of it are kept on their hosts.
        self._prefer_former = configuration.get(StateOptions.RECOVERY_FROM_LOCAL)
        self._slots = 0
        self._undeclared = False
        self._lost: str | None = None
        self._wake = asyncio.Event()
        # The leader that we are, or are about to be, registered at; and the one that was last tried.
        self._leader: LeaderInformation | None = None
        self._tried: LeaderInformation | None = None
        self._news = asyncio.Event()
        self._delay_s = self._first_delay_s
        self._task: asyncio.Task[None] | None = None
        self._goodbye: asyncio.Future[None] | None = None

    def start(self, tasks: BackgroundTasks) -> None:
        """Begin to look for the leader.

        :param tasks: owns the task that talks to it.
        """
        self._task = tasks.spawn(self._run(), "ResourceManager connection")

    def declare(self, slots: int) -> None:
        """Declare (again) how many slots the job wants in all, as soon as the leader can be reached."""
        self._slots = slots
        self._undeclared = True
        self._wake.set()

    async def overview(self) -> pb.ClusterOverview:
        """Return what the cluster has now.

        :raises MillstreamError: the leader cannot be reached.
        """
        gateway = self._connect(await self._leaders.current(_ENDPOINT))
        return await gateway.get_resource_overview(pb.Empty())

    async def disconnect(self, cause: str) -> None:
        """Tell the ResourceManager that the job wants nothing more, and stop. It need not be reachable.

        May be called again: every call returns when the goodbye is said, and whoever cancels one of the callers does
        not cancel the goodbye. A job that did not take leave would be given slots for ever.
        """
        if self._goodbye is None:
            self._goodbye = asyncio.ensure_future(self._say_goodbye(cause))
        await asyncio.shield(self._goodbye)

    async def _say_goodbye(self, cause: str) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        leader, self._leader = self._leader, None
        if leader is None:
            return
        gateway = self._connect(leader, _GOODBYE_TIMEOUT)
        try:
            await gateway.disconnect_job_master(
                pb.DisconnectJobMasterRequest(job_id=self._job_id, job_master_id=self._job_master_id, cause=cause)
            )
        except MillstreamError as error:
            logger.info("Could not take leave of the ResourceManager at %s: %s", leader.address, error)

    def _connect(self, leader: LeaderInformation, timeout: timedelta | None = None) -> ResourceManagerGateway:
        return self._rpc.connect(
            ResourceManagerGateway,  # type: ignore[type-abstract]  # a protocol names the service here
            leader.address,
            _ENDPOINT,
            leader.session_id,
            timeout,
        )

    async def _run(self) -> None:
        end_watch = self._leaders.watch(_ENDPOINT, self._leader_told)
        try:
            while True:
                try:
                    await self._serve_leader()
                except MillstreamError as error:
                    logger.warning(
                        "Job %s has no connection to the ResourceManager (%s); next try in %g s: %s",
                        self._job_id,
                        self._leaders.description,
                        self._delay_s,
                        error,
                    )
                await self._pause()
        finally:
            end_watch()

    async def _pause(self) -> None:
        """Wait before the next try, but not if another leader was heard of than the one that was tried."""
        delay_s, self._delay_s = self._delay_s, min(self._delay_s * 2, self._longest_delay_s)
        timer = asyncio.get_running_loop().call_later(delay_s, self._news.set)
        try:
            await self._news.wait()
        finally:
            timer.cancel()
        self._news.clear()

    def _leader_told(self, leader: LeaderInformation | None) -> None:
        if leader is None or leader == self._tried:
            return
        self._delay_s = self._first_delay_s
        self._news.set()
        if self._leader is not None:
            self._lost = f"another leads now, at {leader.address}"
            self._wake.set()

    async def _serve_leader(self) -> None:
        """Register at the present leader and talk to it until it is lost or refuses us."""
        leader = self._tried = await self._leaders.current(_ENDPOINT)
        gateway = self._connect(leader)
        self._lost = None
        # From here on there is somebody to take leave of, even if the answer never comes.
        self._leader = leader
        await gateway.register_job_master(
            pb.RegisterJobMasterRequest(
                job_id=self._job_id, address=self._rpc.address, job_master_id=self._job_master_id
            )
        )
        self._delay_s = self._first_delay_s
        self._undeclared = True
        end_watch: Callable[[], None] | None = None
        if leader.address != self._rpc.address:
            end_watch = self._rpc.watch_connection(leader.address, self._connection_lost)
        try:
            while self._lost is None:
                await self._talk(gateway)
            raise MillstreamError(self._lost)
        finally:
            self._leader = None
            if end_watch is not None:
                end_watch()

    def _connection_lost(self, reason: str) -> None:
        self._lost = f"the connection broke: {reason}"
        self._wake.set()

    async def _talk(self, gateway: ResourceManagerGateway) -> None:
        """Declare, if there is something to declare; else wait for that and send a heartbeat each interval."""
        if self._undeclared:
            self._undeclared = False
            response = await gateway.declare_required_resources(
                pb.DeclareRequiredResourcesRequest(
                    job_id=self._job_id,
                    job_master_id=self._job_master_id,
                    job_master_address=self._rpc.address,
                    slots=self._slots,
                    prefer_former_task_managers=self._prefer_former,
                )
            )
            self._on_resources(
                ClusterResourcesReported(response.slots_registered, response.slots_free, response.task_managers)
            )
            return
        self._wake.clear()
        # Not wait_for: before Python 3.12 it can swallow a cancellation that meets the event.
        timer = asyncio.get_running_loop().call_later(self._interval_s, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
        if self._lost is None and not self._undeclared:
            await gateway.heartbeat_from_job_master(
                pb.Heartbeat(**{"from": f"jobmaster-{self._job_id}", "session_id": self._job_master_id})
            )
