"""The ResourceManager: the shell around the :class:`SlotManager`.

It serves the endpoint ``resourcemanager``, carries out what the SlotManager wants, sends heartbeats to the
TaskManagers and watches their connections, and notices when JobMasters are gone. Standalone: it starts no TaskManagers
itself, they come and register.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from millstream.common.clock import Clock
from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.ids import AllocationId, IdFactory, JobID, LeaderSessionId, ResourceId
from millstream.common.rpc.gateways import ResourceManagerGateway, TaskExecutorGateway
from millstream.common.rpc.service import RpcService, RpcTimeoutError, RpcUnavailableError
from millstream.common.wire import cluster_pb2 as pb
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.heartbeat.heartbeat_sender import HeartbeatSender, HeartbeatSettings
from millstream.jobmanager.resource_manager.actions import (
    FreeSlot,
    RequestSlot,
    SlotManagerAction,
    StartJobMasterGrace,
    StartRetryDelay,
)
from millstream.jobmanager.resource_manager.events import (
    JobMasterDisconnected,
    JobMasterGraceOver,
    JobMasterLost,
    JobMasterRegistered,
    ResourcesDeclared,
    RetryDelayOver,
    SlotAvailable,
    SlotManagerEvent,
    SlotReport,
    SlotReported,
    SlotRequestAccepted,
    SlotRequestRefused,
    TaskManagerGone,
    TaskManagerRegistered,
)
from millstream.jobmanager.resource_manager.job_master_registration import JobMasterRegistration
from millstream.jobmanager.resource_manager.registered_task_manager import RegisteredTaskManager
from millstream.jobmanager.resource_manager.slot_manager import SlotManager
from millstream.jobmanager.resource_manager.task_manager_slots import SlotState

__all__ = ["ENDPOINT", "ResourceManager"]

logger = logging.getLogger(__name__)

ENDPOINT = "resourcemanager"


def _no_watch() -> None:
    """Stands for the watch on a connection to this very process."""


class ResourceManager:
    """Gives the cluster's slots to its jobs.

    :ivar leader_session_id: fencing token of this leadership.
    """

    def __init__(self, rpc: RpcService, clock: Clock, configuration: Configuration, ids: IdFactory) -> None:
        self._rpc = rpc
        self._clock = clock
        self._heartbeat = HeartbeatSettings.from_configuration(configuration)
        self.leader_session_id = ids.leader_session_id()
        self._slots = SlotManager(ids, grace_ms=round(self._heartbeat.interval_s * 1000))
        self._task_managers: dict[ResourceId, RegisteredTaskManager] = {}
        self._job_masters: dict[JobID, JobMasterRegistration] = {}
        self._tasks = BackgroundTasks("ResourceManager")
        self._timers: set[asyncio.TimerHandle] = set()
        self._started = False

    async def start(self) -> None:
        """Serve the endpoint. The RPC service must be started by its owner."""
        self._rpc.register(
            ResourceManagerGateway,  # type: ignore[type-abstract]  # a protocol names the service here
            ENDPOINT,
            self,
            self.leader_session_id,
        )
        self._started = True

    async def close(self) -> None:
        """Serve no more; forget all. May be called twice."""
        if self._started:
            self._started = False
            self._rpc.unregister(ENDPOINT)
        for task_manager in self._task_managers.values():
            task_manager.stop()
        self._task_managers.clear()
        for job_master in self._job_masters.values():
            job_master.stop()
        self._job_masters.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        await self._tasks.close()

    # ------------------------------------------------------------------ the machine's actions

    def _handle(self, event: SlotManagerEvent) -> None:
        for action in self._slots.handle(event):
            self._carry_out(action)

    def _carry_out(self, action: SlotManagerAction) -> None:
        match action:
            case RequestSlot():
                self._tasks.spawn(self._request_slot(action), f"request slot {action.allocation_id}")
            case FreeSlot():
                self._tasks.spawn(self._free_slot(action), f"free slot {action.allocation_id}")
            case StartRetryDelay():
                self._later(action.delay_ms, RetryDelayOver(action.resource_id, action.session_id, action.slot_index))
            case StartJobMasterGrace():
                self._later(action.delay_ms, JobMasterGraceOver(action.job_id, action.job_master_id))

    def _later(self, delay_ms: int, event: SlotManagerEvent) -> None:
        def fire() -> None:
            self._timers.discard(timer)
            self._handle(event)

        timer = asyncio.get_running_loop().call_later(delay_ms / 1000, fire)
        self._timers.add(timer)

    async def _request_slot(self, action: RequestSlot) -> None:
        task_manager = self._task_managers.get(action.resource_id)
        if task_manager is None:
            return
        request = pb.RequestSlotRequest(
            slot_index=action.slot_index,
            job_id=action.job_id,
            allocation_id=action.allocation_id,
            job_master_address=action.job_master_address,
            job_master_id=action.job_master_id,
            resource_manager_id=self.leader_session_id,
        )
        try:
            await task_manager.gateway.request_slot(request)
        except MillstreamError as error:
            logger.warning(
                "TaskManager %s did not give slot %d to job %s: %s",
                task_manager,
                action.slot_index,
                action.job_id,
                error,
            )
            in_doubt = isinstance(error, (RpcTimeoutError, RpcUnavailableError))
            self._handle(SlotRequestRefused(action.resource_id, action.allocation_id, in_doubt))
        else:
            self._handle(SlotRequestAccepted(action.resource_id, action.allocation_id))

    async def _free_slot(self, action: FreeSlot) -> None:
        task_manager = self._task_managers.get(action.resource_id)
        if task_manager is None:
            return
        try:
            await task_manager.gateway.free_slot(
                pb.FreeSlotRequest(
                    allocation_id=action.allocation_id,
                    cause=action.cause,
                    resource_manager_id=self.leader_session_id,
                )
            )
        except MillstreamError as error:
            # Its own check of the JobMaster frees the slot a little later.
            logger.warning("Could not free slot %s of TaskManager %s: %s", action.allocation_id, task_manager, error)

    def _watch(self, address: str, on_lost: Callable[[str], None]) -> Callable[[], None]:
        return _no_watch if address == self._rpc.address else self._rpc.watch_connection(address, on_lost)

    # ------------------------------------------------------------------ TaskManagers

    async def register_task_executor(self, request: pb.RegisterTaskExecutorRequest) -> pb.RegisterTaskExecutorResponse:
        """Take in a TaskManager with its slots; an earlier process of the same resource id is replaced."""
        resource_id, session_id = ResourceId(request.resource_id), LeaderSessionId(request.session_id)
        known = self._task_managers.pop(resource_id, None)
        if known is not None:
            known.stop()
            if known.session_id != session_id:
                logger.info("TaskManager %s is replaced by a new process (pid %d)", known, request.pid)

        def lost(reason: str) -> None:
            self._task_manager_gone(resource_id, session_id, reason)

        async def call() -> None:
            await self._heartbeat_to(task_manager)

        task_manager = RegisteredTaskManager(
            resource_id=resource_id,
            session_id=session_id,
            address=request.address,
            host=request.host,
            pid=request.pid,
            gateway=self._connect(request.address, resource_id, session_id, None),
            heartbeat_gateway=self._connect(request.address, resource_id, session_id, self._heartbeat.call_timeout),
            heartbeats=HeartbeatSender(f"TaskManager {resource_id}", call, lost, self._heartbeat),
            end_watch=self._watch(request.address, lost),
            last_heartbeat_ms=self._clock.now_ms(),
            description=request.description if request.HasField("description") else None,
        )
        self._task_managers[resource_id] = task_manager
        task_manager.heartbeats.start(self._tasks)
        logger.info("TaskManager %s registered with %d slots", task_manager, len(request.slots))
        self._handle(TaskManagerRegistered(resource_id, session_id, _reports(request.slots)))
        return pb.RegisterTaskExecutorResponse(
            resource_manager_id=self.leader_session_id,
            heartbeat_interval_ms=round(self._heartbeat.interval_s * 1000),
            heartbeat_timeout_ms=round(self._heartbeat.timeout_s * 1000),
        )

    def _connect(
        self, address: str, resource_id: ResourceId, session_id: LeaderSessionId, timeout: timedelta | None
    ) -> TaskExecutorGateway:
        return self._rpc.connect(
            TaskExecutorGateway,  # type: ignore[type-abstract]  # a protocol names the service here
            address,
            f"taskexecutor-{resource_id}",
            session_id,
            timeout,
        )

    async def _heartbeat_to(self, task_manager: RegisteredTaskManager) -> None:
        as_of = self._slots.revision
        response = await task_manager.heartbeat_gateway.heartbeat_from_resource_manager(
            pb.Heartbeat(**{"from": ENDPOINT, "session_id": self.leader_session_id})
        )
        task_manager.last_heartbeat_ms = self._clock.now_ms()
        self._handle(SlotReported(task_manager.resource_id, task_manager.session_id, _reports(response.slots), as_of))

    def _task_manager_gone(self, resource_id: ResourceId, session_id: LeaderSessionId, reason: str) -> None:
        task_manager = self._task_managers.get(resource_id)
        if task_manager is None or task_manager.session_id != session_id:
            return
        logger.warning("TaskManager %s is gone: %s", task_manager, reason)
        task_manager.stop()
        del self._task_managers[resource_id]
        self._handle(TaskManagerGone(resource_id, session_id))

    def _require_task_manager(self, resource_id: str, session_id: str) -> RegisteredTaskManager:
        task_manager = self._task_managers.get(ResourceId(resource_id))
        if task_manager is None or task_manager.session_id != session_id:
            raise MillstreamError(
                f"TaskManager {resource_id} is not registered at this ResourceManager; register again"
            )
        return task_manager

    async def send_slot_report(self, request: pb.SlotReportRequest) -> pb.Empty:
        """Take a TaskManager's word on how its slots stand now."""
        task_manager = self._require_task_manager(request.resource_id, request.session_id)
        self._handle(
            SlotReported(
                task_manager.resource_id, task_manager.session_id, _reports(request.slots), self._slots.revision
            )
        )
        return pb.Empty()

    async def notify_slot_available(self, request: pb.NotifySlotAvailableRequest) -> pb.Empty:
        """A slot is free again."""
        task_manager = self._require_task_manager(request.resource_id, request.session_id)
        self._handle(
            SlotAvailable(
                task_manager.resource_id,
                task_manager.session_id,
                request.slot_index,
                AllocationId(request.allocation_id),
            )
        )
        return pb.Empty()

    async def disconnect_task_executor(self, request: pb.DisconnectRequest) -> pb.Empty:
        """A TaskManager says goodbye."""
        self._task_manager_gone(
            ResourceId(request.resource_id), LeaderSessionId(request.session_id), request.cause or "it shut down"
        )
        return pb.Empty()

    # ------------------------------------------------------------------ JobMasters

    async def register_job_master(self, request: pb.RegisterJobMasterRequest) -> pb.RegisterJobMasterResponse:
        """Take in a job's leader; an earlier leader of the job is forgotten."""
        job_id, job_master_id = JobID(request.job_id), LeaderSessionId(request.job_master_id)

        def lost(reason: str) -> None:
            self._job_master_lost(job_id, job_master_id, reason)

        known = self._job_masters.pop(job_id, None)
        if known is not None:
            known.stop()
        self._job_masters[job_id] = JobMasterRegistration(
            job_id, job_master_id, self._heartbeat.timeout_s, lost, self._watch(request.address, lost)
        )
        self._handle(JobMasterRegistered(job_id, job_master_id, request.address))
        return pb.RegisterJobMasterResponse(resource_manager_id=self.leader_session_id)

    def _job_master(self, job_id: str, job_master_id: str) -> JobMasterRegistration | None:
        registration = self._job_masters.get(JobID(job_id))
        return registration if registration is not None and registration.job_master_id == job_master_id else None

    def _job_master_lost(self, job_id: JobID, job_master_id: LeaderSessionId, reason: str) -> None:
        registration = self._job_master(job_id, job_master_id)
        if registration is None:
            return
        logger.warning("JobMaster of job %s is lost: %s", job_id, reason)
        registration.stop()
        del self._job_masters[job_id]
        self._handle(JobMasterLost(job_id, job_master_id))

    async def declare_required_resources(
        self, request: pb.DeclareRequiredResourcesRequest
    ) -> pb.DeclareRequiredResourcesResponse:
        """Take note of what a job wants in all, and answer with what the cluster has."""
        registration = self._job_master(request.job_id, request.job_master_id)
        if registration is None:
            raise MillstreamError(f"the JobMaster of job {request.job_id} is not registered here; register again")
        registration.heartbeat()
        self._handle(
            ResourcesDeclared(
                registration.job_id, registration.job_master_id, request.slots, request.prefer_former_task_managers
            )
        )
        return pb.DeclareRequiredResourcesResponse(
            slots_registered=self._slots.slots_registered,
            slots_free=self._slots.slots_free,
            task_managers=len(self._task_managers),
        )

    async def disconnect_job_master(self, request: pb.DisconnectJobMasterRequest) -> pb.Empty:
        """A job wants nothing more."""
        registration = self._job_master(request.job_id, request.job_master_id)
        if registration is not None:
            registration.stop()
            del self._job_masters[registration.job_id]
            self._handle(JobMasterDisconnected(registration.job_id, registration.job_master_id))
        return pb.Empty()

    async def heartbeat_from_job_master(self, request: pb.Heartbeat) -> pb.HeartbeatResponse:
        """A job's leader is alive.

        :raises MillstreamError: it is not registered (any more).
        """
        sender: str = getattr(request, "from")
        registration = self._job_master(sender.removeprefix("jobmaster-"), request.session_id)
        if registration is None:
            raise MillstreamError(f"{sender} is not registered here; register again")
        registration.heartbeat()
        return pb.HeartbeatResponse()

    # ------------------------------------------------------------------ for people

    async def get_resource_overview(self, request: pb.Empty) -> pb.ClusterOverview:
        """Return TaskManagers and slots; what concerns jobs is left to the Dispatcher."""
        return pb.ClusterOverview(
            taskmanagers=len(self._task_managers),
            slots_total=self._slots.slots_registered,
            slots_available=self._slots.slots_free,
            task_manager_list=[self._summary(task_manager) for task_manager in self._task_managers.values()],
        )

    def _summary(self, task_manager: RegisteredTaskManager) -> pb.TaskManagerSummary:
        slots = list(self._slots.task_managers[task_manager.resource_id].slots.values())
        return pb.TaskManagerSummary(
            resource_id=task_manager.resource_id,
            address=task_manager.address,
            host=task_manager.host,
            pid=task_manager.pid,
            slots_total=len(slots),
            slots_free=sum(1 for slot in slots if slot.state in (SlotState.FREE, SlotState.COOLING)),
            last_heartbeat_ms=task_manager.last_heartbeat_ms,
            session_id=task_manager.session_id,
            description=task_manager.description,
            slots=[
                pb.SlotStatus(
                    slot_index=slot.slot_index, allocation_id=slot.allocation_id or "", job_id=slot.job_id or ""
                )
                for slot in slots
            ],
        )


def _reports(slots: Iterable[pb.SlotStatus]) -> tuple[SlotReport, ...]:
    return tuple(
        SlotReport(
            slot.slot_index,
            AllocationId(slot.allocation_id) if slot.allocation_id else None,
            JobID(slot.job_id) if slot.job_id else None,
        )
        for slot in slots
    )
