"""The JobMaster: runs one job. The shell around the :class:`Scheduler`, with its checkpoints beside it.

It serves the endpoint ``jobmaster-<job id>``, turns calls, timers and lost connections into the scheduler's events and
carries out its actions. All of it happens on the event loop; the scheduler is never entered twice.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from millstream.common.clock import Clock
from millstream.common.config import Configuration, JobManagerOptions, MetricOptions
from millstream.common.errors import MillstreamError
from millstream.common.failure import WORKER_DIED, FailureInfo, engine_failure, first_line
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import Leadership
from millstream.common.ids import AllocationId, AttemptId, IdFactory, JobID, LeaderSessionId, ResourceId
from millstream.common.rpc.gateways import JobMasterGateway
from millstream.common.rpc.service import RpcService
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions, JobCheckpoints
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.common.wire.metrics_pb2 import MetricValue
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.checkpoint.events import (
    Acknowledged,
    EndOfDataReported,
    JobEnded,
    ResultKept,
    SavepointMode,
    TasksChanged,
)
from millstream.jobmanager.execution_graph import (
    ExecutionGraph,
    PhysicalSlot,
    TaskManagerLocation,
)
from millstream.jobmanager.execution_graph.execution import Execution
from millstream.jobmanager.execution_graph.job_details import build_job_details, build_job_summary
from millstream.jobmanager.failover.exception_history import ExceptionHistory
from millstream.jobmanager.failover.execution_failure_handler import ExecutionFailureHandler
from millstream.jobmanager.failover.failover_strategy import failover_strategy
from millstream.jobmanager.failover.restart_strategy_factory import create_restart_strategy
from millstream.jobmanager.heartbeat.heartbeat_sender import HeartbeatSettings
from millstream.jobmanager.job_master.checkpoint_service import CheckpointService
from millstream.jobmanager.job_master.job_metrics import StatusMetrics, job_metrics
from millstream.jobmanager.job_master.job_publication import JobPublication
from millstream.jobmanager.job_master.operator_requests import OperatorRequests
from millstream.jobmanager.job_master.rescaler import Rescaler
from millstream.jobmanager.job_master.resource_manager_connection import ResourceManagerConnection
from millstream.jobmanager.job_master.task_manager_connection import TaskManagerConnection
from millstream.jobmanager.scheduler.actions import (
    AnswerOffer,
    CancelTasks,
    CancelTimer,
    CompleteJob,
    DeclareResources,
    DeployTasks,
    FreeSlots,
    RescaleEnded,
    SchedulerAction,
    SetTimer,
    TimerKind,
)
from millstream.jobmanager.scheduler.events import (
    CancelRequested,
    DeploymentFailed,
    JobFailed,
    JobStarted,
    JobSuspended,
    RestoreDecided,
    SchedulerEvent,
    SlotLost,
    SlotsOffered,
    TaskManagerLost,
    TaskStateChanged,
    TimerFired,
)
from millstream.jobmanager.scheduler.failures import task_manager_lost
from millstream.jobmanager.scheduler.scheduler import Scheduler
from millstream.jobmanager.scheduler.settings import SchedulerSettings

__all__ = ["JobMaster"]

logger = logging.getLogger(__name__)

# Goodbyes are best effort: the other sides notice a JobMaster that is gone by themselves. Where another is to take the
# job up, it must not wait for ours.
_GOODBYE_SECONDS: Final = 5.0
_SUSPENSION_SECONDS: Final = 1.0


class JobMaster:
    """Runs one job until it is terminal.

    :param configuration: of the cluster; the job's own settings lie over it.
    :param leaders: tell where the ResourceManager is.
    :param leadership: the term in which the job runs here; what a later leader must know of it is written in it.
    :param on_terminal: called once when the job is FINISHED, FAILED or CANCELED (not when it is merely closed). Its
        checkpoints are still there then, and are as long as nobody calls :meth:`result_kept`.
    :raises ConfigurationError: a setting of the job is wrong.
    :raises InvalidProgramError: the JobGraph contradicts itself.

    :ivar leader_session_id: fencing token of this leadership.
    """

    def __init__(
        self,
        job_graph: JobGraph,
        rpc: RpcService,
        clock: Clock,
        configuration: Configuration,
        ids: IdFactory,
        leaders: LeaderDirectory,
        leadership: Leadership,
        on_terminal: Callable[[pb.JobDetails], None],
    ) -> None:
        settings = Configuration(configuration).add_all(Configuration.from_map(dict(job_graph.configuration)))
        self.job_id = JobID(job_graph.job_id)
        self.leader_session_id = ids.leader_session_id()
        self.endpoint = f"jobmaster-{self.job_id}"
        self._rpc = rpc
        self._clock = clock
        self._publication = JobPublication(self.job_id, self.endpoint, leadership)
        self._on_terminal = on_terminal
        self._settings = settings
        self._status_metrics = {StatusMetrics(name) for name in settings.get(MetricOptions.JOB_STATUS_ENABLE)}
        self._heartbeat = HeartbeatSettings.from_configuration(settings)
        self._graph = ExecutionGraph(
            job_graph, ids, settings.get(JobManagerOptions.MAX_ATTEMPTS_HISTORY_SIZE), clock.now_ms()
        )
        self._history = ExceptionHistory(settings.get(JobManagerOptions.EXCEPTION_HISTORY_SIZE))
        self._checkpoints = CheckpointService(self._graph, self, clock, settings, ids, leadership)
        restarts = create_restart_strategy(settings, random.Random(ids.hex(16)))
        self._restart_strategy = restarts.describe()
        self._scheduler = Scheduler(
            self._graph,
            ExecutionFailureHandler(
                failover_strategy(settings.get(JobManagerOptions.EXECUTION_FAILOVER_STRATEGY), self._graph),
                restarts,
                self._history,
            ),
            SchedulerSettings.from_configuration(settings),
            self._checkpoints.restore_of,
            self._checkpoints.restore_in_doubt,
        )
        self._information = pb.JobInformation(
            job_id=self.job_id,
            name=job_graph.name,
            configuration=dict(job_graph.configuration),
            artifacts=job_graph.artifacts,
            python_path=job_graph.python_path,
            data_secret=ids.secret(),
        )
        self._resource_manager = ResourceManagerConnection(
            rpc, leaders, self.job_id, self.leader_session_id, settings, self._handle
        )
        self._task_managers: dict[ResourceId, TaskManagerConnection] = {}
        self._tasks = BackgroundTasks(f"JobMaster {self.job_id}")
        self._timers: dict[TimerKind, asyncio.TimerHandle] = {}
        self._terminal = asyncio.Event()
        self._operators = OperatorRequests(self._graph, self._connection_of, self._tasks)
        self._offer_answer: tuple[AllocationId, ...] = ()
        self._events: deque[SchedulerEvent] = deque()
        self._scheduling = False
        self._rescaler = Rescaler(
            self._graph,
            self._scheduler.pool,
            clock,
            self._checkpoints,
            self._resource_manager,
            leadership,
            self._tasks,
            self._handle,
        )
        self._appearing: asyncio.Task[None] | None = None
        self._started = False

    async def start(self, on_trouble: Callable[[Exception], None] = lambda _: None) -> None:
        """Serve the endpoint and schedule the job. The RPC service must be started by its owner.

        As long as it cannot be read what the job is to begin from, because something does not answer, the job waits;
        this may be cancelled then, and :meth:`close` must follow.

        :param on_trouble: is told why the job waits, again after each attempt.
        :raises LeadershipLostError: the term is over.
        :raises MillstreamError: the snapshot that the job is to begin from cannot be read or does not fit it.
        """
        await self._checkpoints.restore(on_trouble)
        self._rpc.register(
            JobMasterGateway,  # type: ignore[type-abstract]  # a protocol names the service here
            self.endpoint,
            self,
            self.leader_session_id,
        )
        self._started = True
        self._appearing = self._tasks.spawn(self._appear(), "make known who leads")
        self._handle(JobStarted())

    async def _appear(self) -> None:
        """Ask for slots as soon as TaskManagers that have some can find out who leads the job."""
        if await self._publication.publish(LeaderInformation(self._rpc.address, self.leader_session_id)):
            self._resource_manager.start(self._tasks)

    def cancel(self) -> None:
        """End the job because its user wants that. Nothing happens if it has ended or is about to."""
        self._handle(CancelRequested())

    def result_kept(self) -> None:
        """Every later leader knows that the job has ended, and how: its checkpoints may go that need not be retained.

        To be called after ``on_terminal`` and before :meth:`close`. Without it the checkpoints stay as they are: to
        whoever finds no result the job has not ended, and goes on from them.
        """
        self._checkpoints.handle(ResultKept())

    async def wait_terminal(self) -> None:
        """Return when the job has ended, or was suspended by :meth:`close`."""
        await self._terminal.wait()

    def details(self) -> pb.JobDetails:
        """Return the job as it stands, with the metrics known so far."""
        return build_job_details(self._graph, self._history, self._settings, self._restart_strategy)

    def summary(self) -> pb.JobSummary:
        """Return the job as it stands, in one line."""
        return build_job_summary(self._graph)

    def metrics(self) -> list[MetricValue]:
        """Return the metrics of the job as a whole."""
        return job_metrics(self._graph, self._checkpoints.overview, self._status_metrics, self._clock.now_ms())

    async def refresh_metrics(self) -> None:
        """Ask all TaskManagers for the totals of the running tasks; who does not answer is left out."""
        connections = list(self._task_managers.values())
        answers = await asyncio.gather(
            *(connection.request_metrics() for connection in connections), return_exceptions=True
        )
        for connection, answer in zip(connections, answers, strict=True):
            if isinstance(answer, pb.HeartbeatResponse):
                self._take_metrics(answer)
            elif isinstance(answer, MillstreamError):
                logger.info("TaskManager %s did not give its metrics: %s", connection.location, answer)
            else:
                raise answer

    @property
    def has_left_files(self) -> bool:
        """Its checkpoints' storage was too slow for :meth:`close`: files are there that should be deleted."""
        return self._checkpoints.has_left_files

    async def close(self) -> None:
        """End this leadership: a job that still runs is suspended. Leaves no task, timer or endpoint behind.

        Nothing is deleted of what another leader of a suspended job may need. May be called twice.
        """
        self._handle(JobSuspended())
        suspended = not self._graph.status.is_globally_terminal()
        goodbye_seconds = _SUSPENSION_SECONDS if suspended else _GOODBYE_SECONDS
        if suspended:
            self._rpc_unregister()  # whatever tasks say is another's to hear
        await asyncio.gather(self._take_leave(goodbye_seconds), self._checkpoints.close(goodbye_seconds))
        self._rpc_unregister()
        for connection in self._task_managers.values():
            connection.stop()
        self._task_managers.clear()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await self._tasks.close()

    def _rpc_unregister(self) -> None:
        if self._started:
            self._started = False
            self._rpc.unregister(self.endpoint)

    async def _take_leave(self, goodbye_seconds: float) -> None:
        appearing, self._appearing = self._appearing, None
        if appearing is None:
            return  # nobody has heard of it, or leave is taken
        appearing.cancel()
        try:
            await asyncio.wait_for(self._drain(), goodbye_seconds)
        except asyncio.TimeoutError:
            logger.warning("Job %s could not take leave of all TaskManagers in time", self.job_id)

    async def _drain(self) -> None:
        await asyncio.gather(
            self._publication.withdraw(),
            self._resource_manager.disconnect(f"job {self._graph.status.name}"),
            *(connection.drain() for connection in self._task_managers.values()),
        )

    # ------------------------------------------------------------------ the machine

    def _handle(self, event: SchedulerEvent) -> None:
        self._events.append(event)
        if self._scheduling:  # what the checkpoints want of the job waits for the end of this step
            return
        self._scheduling = True
        try:
            while self._events:
                status = self._graph.status
                actions = self._scheduler.handle(self._events.popleft(), self._clock.now_ms())
                if self._graph.status is not status and not self._graph.status.is_terminal():
                    logger.info("Job %s (%s) is %s", self._graph.job_name, self.job_id, self._graph.status.name)
                self._checkpoints.handle(TasksChanged())
                for action in actions:
                    self._carry_out(action)
        finally:
            self._scheduling = False
        self._operators.tasks_changed()

    def _carry_out(self, action: SchedulerAction) -> None:
        match action:
            case DeclareResources():
                self._resource_manager.declare(action.slots)
            case AnswerOffer():
                self._offer_answer = action.accepted
            case DeployTasks():
                self._connection(action.resource_id).deploy(action.tasks)
            case CancelTasks():
                if action.resource_id in self._task_managers:
                    self._task_managers[action.resource_id].cancel(action.attempt_ids)
            case FreeSlots():
                if action.resource_id in self._task_managers:
                    self._task_managers[action.resource_id].free(action.allocation_ids, action.cause)
            case SetTimer():
                if action.kind is TimerKind.RESTART:
                    self._say_why_it_restarts(action.delay_ms)
                self._cancel_timer(action.kind)
                self._timers[action.kind] = asyncio.get_running_loop().call_later(
                    action.delay_ms / 1000, self._timer_fired, action.kind
                )
            case CancelTimer():
                self._cancel_timer(action.kind)
            case RescaleEnded():
                self._rescaler.ended(action.failure)
            case CompleteJob():
                self._complete(action.status)

    def _connection(self, resource_id: ResourceId) -> TaskManagerConnection:
        # A slot in the pool belongs to a connected TaskManager: with the connection its slots go.
        return self._task_managers[resource_id]

    def _timer_fired(self, kind: TimerKind) -> None:
        del self._timers[kind]
        self._handle(TimerFired(kind))

    def _say_why_it_restarts(self, delay_ms: int) -> None:
        """A job that fails again and again must not do so in silence: the next failure may be the same."""
        failure = next(iter(self._history), None)
        if failure is not None:
            logger.warning(
                "Job %s (%s) failed and restarts in %.1f s (restart %d): %s",
                self._graph.job_name,
                self.job_id,
                delay_ms / 1000,
                self._graph.restarts + 1,
                first_line(failure),
            )

    def _cancel_timer(self, kind: TimerKind) -> None:
        timer = self._timers.pop(kind, None)
        if timer is not None:
            timer.cancel()

    def _complete(self, status: JobStatus) -> None:
        failure = self._graph.failure
        logger.info("Job %s (%s) is %s", self._graph.job_name, self.job_id, status.name)
        if failure is not None:
            logger.info("Job %s failed: %s", self.job_id, first_line(failure))
        self._checkpoints.handle(JobEnded(status))
        for connection in self._task_managers.values():
            connection.say_goodbye(f"the job is {status.name}", job_goes_on=not status.is_globally_terminal())
        self._terminal.set()
        if status.is_globally_terminal():
            if self._appearing is not None:
                self._appearing.cancel()
                self._tasks.spawn(self._resource_manager.disconnect(f"the job is {status.name}"), "goodbye")
            # Not from within a call of a TaskManager, whose answer should go out first.
            asyncio.get_running_loop().call_soon(self._on_terminal, self.details())

    # ------------------------------------------------------------------ TaskManagers

    async def register_task_manager(self, request: pb.RegisterTaskManagerRequest) -> pb.RegisterTaskManagerResponse:
        """A TaskManager wants to offer slots; it gets what its workers need to know of the job."""
        if self._graph.status.is_terminal():
            raise MillstreamError(f"job {self.job_id} is {self._graph.status.name}: it needs no TaskManager any more")
        resource_id, session_id = ResourceId(request.resource_id), LeaderSessionId(request.session_id)
        known = self._task_managers.get(resource_id)
        if known is not None and known.session_id != session_id:
            self._task_manager_lost(known, f"a new process (pid {request.pid}) has taken its place")
            known = None
        if known is None:
            connection = self._connect(request, resource_id, session_id)
            self._task_managers[resource_id] = connection
            connection.start(self._tasks)
        return pb.RegisterTaskManagerResponse(
            job_master_id=self.leader_session_id,
            job=self._information,
            heartbeat_interval_ms=round(self._heartbeat.interval_s * 1000),
            heartbeat_timeout_ms=round(self._heartbeat.timeout_s * 1000),
        )

    def _connect(
        self, request: pb.RegisterTaskManagerRequest, resource_id: ResourceId, session_id: LeaderSessionId
    ) -> TaskManagerConnection:
        def lost(reason: str) -> None:
            self._task_manager_lost(connection, reason)

        def heartbeat(known: list[AllocationId], response: pb.HeartbeatResponse) -> None:
            self._heartbeat_answered(connection, known, response)

        def deployment_failed(attempt_ids: tuple[AttemptId, ...], failure: FailureInfo) -> None:
            self._handle(DeploymentFailed(attempt_ids, failure))

        connection = TaskManagerConnection(
            self._rpc,
            TaskManagerLocation(resource_id, request.host, request.pid),
            request.address,
            session_id,
            self.job_id,
            self.leader_session_id,
            known_allocations=lambda: [slot.allocation_id for slot in self._scheduler.pool.slots_of(resource_id)],
            on_heartbeat=heartbeat,
            on_deployment_failed=deployment_failed,
            on_trigger_failed=self._checkpoints.declined,
            on_lost=lost,
            heartbeat=self._heartbeat,
        )
        return connection

    def _require_task_manager(self, resource_id: str, session_id: str) -> TaskManagerConnection:
        connection = self._task_managers.get(ResourceId(resource_id))
        if connection is None or connection.session_id != session_id:
            raise MillstreamError(f"TaskManager {resource_id} is not registered at job {self.job_id}; register again")
        return connection

    def _task_manager_lost(self, connection: TaskManagerConnection, reason: str) -> None:
        connection.stop()
        resource_id = connection.location.resource_id
        if self._task_managers.get(resource_id) is not connection:
            return
        del self._task_managers[resource_id]
        logger.warning("Job %s lost TaskManager %s: %s", self.job_id, connection.location, reason)
        failure = task_manager_lost(str(connection.location), reason, self._clock.now_ms())
        self._handle(TaskManagerLost(resource_id, failure))

    def _heartbeat_answered(
        self, connection: TaskManagerConnection, known: list[AllocationId], response: pb.HeartbeatResponse
    ) -> None:
        self._take_metrics(response)
        there = {slot.allocation_id for slot in response.slots}
        missing = {allocation_id for allocation_id in known if allocation_id not in there}
        # Once may be a heartbeat that overtook the TaskManager's own word on why the slot is gone.
        certain = missing & connection.missing_before
        connection.missing_before = missing
        for allocation_id in known:
            if allocation_id in certain:
                failure = engine_failure(
                    WORKER_DIED,
                    f"slot {allocation_id} is no longer on TaskManager {connection.location} though it was not freed",
                )
                self._handle(SlotLost(connection.location.resource_id, allocation_id, failure))

    def _take_metrics(self, response: pb.HeartbeatResponse) -> None:
        for attempt in response.metrics:
            vertex = self._graph.vertex_of_attempt(attempt.attempt_id)
            # The last report of an attempt that has ended counted everything.
            if vertex is not None and not vertex.state.is_terminal():
                vertex.current.metrics = attempt.metrics

    async def offer_slots(self, request: pb.OfferSlotsRequest) -> pb.OfferSlotsResponse:
        """Take the slots that the job needs; the TaskManager frees the others."""
        connection = self._require_task_manager(request.resource_id, request.session_id)
        self._handle(
            SlotsOffered(
                tuple(
                    PhysicalSlot(
                        AllocationId(offer.allocation_id),
                        offer.slot_index,
                        connection.location,
                        offer.data_host,
                        offer.data_port,
                    )
                    for offer in request.offers
                )
            )
        )
        return pb.OfferSlotsResponse(accepted=self._offer_answer)

    async def update_task_execution_state(self, request: pb.TaskExecutionState) -> pb.Empty:
        """A task reports its state; old attempts are ignored."""
        self._handle(
            TaskStateChanged(
                AttemptId(request.attempt_id),
                ExecutionState[request.state],
                request.failure if request.HasField("failure") else None,
                request.metrics if request.HasField("metrics") else None,
            )
        )
        return pb.Empty()

    async def fail_slot(self, request: pb.FailSlotRequest) -> pb.Empty:
        """A slot is gone; every task in it failed."""
        connection = self._require_task_manager(request.resource_id, request.session_id)
        failure = request.failure
        if not failure.task_manager:
            failure.task_manager = str(connection.location)
        self._handle(SlotLost(connection.location.resource_id, AllocationId(request.allocation_id), failure))
        return pb.Empty()

    async def disconnect_task_manager(self, request: pb.DisconnectRequest) -> pb.Empty:
        """A TaskManager says goodbye."""
        connection = self._task_managers.get(ResourceId(request.resource_id))
        if connection is not None and connection.session_id == request.session_id:
            self._task_manager_lost(connection, request.cause or "it shut down")
        return pb.Empty()

    # ------------------------------------------------------------------ checkpoints

    async def acknowledge_checkpoint(self, request: pb.CheckpointAcknowledgement) -> pb.Empty:
        """A task has stored its part of a checkpoint; old attempts are ignored."""
        self._checkpoints.handle(
            Acknowledged(AttemptId(request.attempt_id), request.checkpoint_id, request.snapshot, request.metrics)
        )
        return pb.Empty()

    async def decline_checkpoint(self, request: pb.CheckpointDecline) -> pb.Empty:
        """A task cannot take part in a checkpoint; old attempts are ignored."""
        self._checkpoints.declined((AttemptId(request.attempt_id),), request.checkpoint_id, request.failure)
        return pb.Empty()

    async def report_end_of_data(self, request: pb.EndOfDataReport) -> pb.Empty:
        """A task waits for a checkpoint that makes its end final; old attempts are ignored."""
        self._checkpoints.handle(EndOfDataReported(AttemptId(request.attempt_id)))
        return pb.Empty()

    def checkpoints(self) -> JobCheckpoints:
        """Return what is known of the job's checkpoints."""
        return self._checkpoints.statistics()

    async def checkpoint(self, *, full: bool) -> pb.OperationStatus:
        """Take a checkpoint now and return what became of it."""
        return await self._checkpoints.checkpoint(full=full)

    async def savepoint(self, directory: str, mode: SavepointMode, format_name: str) -> pb.OperationStatus:
        """Take a savepoint now and return what became of it."""
        return await self._checkpoints.savepoint(directory, mode, format_name)

    def trigger_tasks(
        self,
        resource_id: ResourceId,
        attempt_ids: tuple[AttemptId, ...],
        checkpoint_id: int,
        options: CheckpointOptions,
    ) -> None:
        """Have tasks begin a checkpoint (CheckpointedJob)."""
        if resource_id in self._task_managers:
            self._task_managers[resource_id].trigger_checkpoint(attempt_ids, checkpoint_id, options)

    def notify_tasks(
        self, resource_id: ResourceId, attempt_ids: tuple[AttemptId, ...], checkpoint_id: int, completed: bool
    ) -> None:
        """Tell tasks what became of a checkpoint (CheckpointedJob)."""
        if resource_id in self._task_managers:
            self._task_managers[resource_id].notify_checkpoint(attempt_ids, checkpoint_id, completed)

    def fail_job(self, failure: FailureInfo) -> None:
        """Too many checkpoints have failed, or one that the job cannot do without (CheckpointedJob)."""
        self._handle(JobFailed(failure))

    def cancel_job(self) -> None:
        """The savepoint is complete after which the job was to be cancelled (CheckpointedJob)."""
        self._handle(CancelRequested())

    def restore_decided(self) -> None:
        """It is certain again what tasks are restored from (CheckpointedJob)."""
        self._handle(RestoreDecided())

    async def rescale(self, parallelism: int) -> pb.OperationStatus:
        """Let the job go on at another parallelism from a checkpoint that is taken now, and return what became of it.

        If that fails, the job runs on as it was: on the same tasks if there was no checkpoint, else from it.
        """
        return await self._rescaler.rescale(parallelism)

    async def update_requirements(self, bounds: Mapping[str, pb.VertexParallelism]) -> None:
        """Give the vertices other bounds of their parallelism, and begin to let the job go on within them.

        :param bounds: by vertex id.
        :raises MillstreamError: the job cannot have these bounds now.
        """
        await self._rescaler.require(bounds)

    # ------------------------------------------------------------------ requests to operators

    async def request_split(self, request: pb.SplitRequest) -> pb.Empty:
        """Pass a reader's request on to the enumerator of its source; it comes again if that does not run now."""
        self._operators.request_split(request)
        return pb.Empty()

    async def operator_request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes:
        """Send a message to one subtask of an operator and return the answer.

        A task that is about to run is waited for a little.

        :raises MillstreamError: there is no such operator or subtask, it does not run, or it did not answer.
        """
        return await self._operators.request(operator_id, subtask_index, payload)

    def _connection_of(self, execution: Execution) -> TaskManagerConnection | None:
        slot = execution.slot
        return None if slot is None else self._task_managers.get(slot.task_manager.resource_id)
