"""The scheduler of one job: a pure state machine over the execution graph and the slot pool.

Events come in through :meth:`Scheduler.handle`, actions go out; there is no I/O, clock or randomness in here. What it
holds to:

- Tasks that wait are deployed together, once there is a slot for each of their sharing groups; every deployment tells
  a task where all its peers are, so a region is always deployed as a whole.
- A failure cancels the failed tasks' regions, waits until all of their tasks have ended *and* the restart strategy's
  backoff is over, and then schedules them anew, preferably into the slots they had.
- A broken data connection (kind NETWORK) is mostly the echo of another failure, so it is held for a moment: if a
  primary failure comes meanwhile, that one is the cause.
- Whatever an attempt ends with after it was asked to cancel counts as cancelled; reports of old attempts are nothing.
- No task is started anew while it is in doubt what it would be restored from.
- Other parallelisms need all tasks to have ended; then the graph is unrolled anew. If there are not enough slots, it
  goes back to the former ones.
- The job completes only when no task can be alive any more; then every slot is given back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from millstream.common.failure import NETWORK, WORKER_DIED, FailureInfo
from millstream.common.ids import AllocationId, AttemptId, ResourceId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import TaskRestore
from millstream.common.wire.graph_pb2 import JobGraph, TaskDeployment
from millstream.jobmanager.execution_graph import (
    Execution,
    ExecutionGraph,
    ExecutionVertex,
    ExecutionVertexID,
    PhysicalSlot,
)
from millstream.jobmanager.execution_graph.task_deployment import build_task_deployment
from millstream.jobmanager.failover.execution_failure_handler import ExecutionFailureHandler
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
    ClusterResourcesReported,
    DeploymentFailed,
    JobFailed,
    JobStarted,
    JobSuspended,
    RescaleRequested,
    RestoreDecided,
    SchedulerEvent,
    SlotLost,
    SlotsOffered,
    TaskManagerLost,
    TaskStateChanged,
    TimerFired,
)
from millstream.jobmanager.scheduler.failures import (
    located,
    not_enough_slots,
    not_rescalable,
    stamped,
    unexpected_cancellation,
    unexplained_failure,
)
from millstream.jobmanager.scheduler.settings import SchedulerSettings
from millstream.jobmanager.scheduler.slot_pool import SlotPool
from millstream.jobmanager.scheduler.slot_sharing import SlotSharing

__all__ = ["Scheduler"]

_E = ExecutionState

# So many workers in a row may die before the job has got their slots; then that is the job's failure.
_SLOT_FAILURES_WHILE_WAITING = 3

# In these the job still wants to run.
_ACTIVE = (JobStatus.RUNNING, JobStatus.RESTARTING)


def _nothing_to_restore(vertex_id: ExecutionVertexID) -> TaskRestore | None:  # noqa: ARG001  # the signature of all
    return None


def _never_in_doubt() -> bool:
    return False


class Scheduler:
    """Drives one job from CREATED to a terminal status.

    :param restore_of: gives the state that a subtask begins with when it is deployed now.
    :param restore_in_doubt: whether nobody can tell yet what that is; ``RestoreDecided`` says when that has ended.

    :ivar graph: the job; read it, but leave changes to the scheduler.
    :ivar pool: the job's slots; likewise.
    """

    def __init__(
        self,
        graph: ExecutionGraph,
        failure_handler: ExecutionFailureHandler,
        settings: SchedulerSettings,
        restore_of: Callable[[ExecutionVertexID], TaskRestore | None] = _nothing_to_restore,
        restore_in_doubt: Callable[[], bool] = _never_in_doubt,
    ) -> None:
        self.graph = graph
        self.pool = SlotPool()
        self.sharing = SlotSharing(graph)
        self._failures = failure_handler
        self._settings = settings
        self._restore_of = restore_of
        self._restore_in_doubt = restore_in_doubt
        self._actions: list[SchedulerAction] = []
        self._now = 0
        # Scheduled tasks that have no slot yet.
        self._waiting: set[ExecutionVertexID] = set()
        self._checking_resources = False
        self._cluster: ClusterResourcesReported | None = None
        self._slot_failures = 0
        self._last_slot_failure: FailureInfo | None = None
        self._former_slots: set[AllocationId] = set()
        self._idle_timer_set = False
        # Tasks to start anew as soon as all of them have ended and the backoff is over.
        self._restarting: set[ExecutionVertexID] = set()
        self._backoff_over = False
        # Tasks that failed with a broken data connection, and those failures, while the cause is awaited.
        self._echoes: list[FailureInfo] = []
        self._echo_vertices: set[ExecutionVertexID] = set()
        # The job at the parallelisms to come, until all tasks have ended; then at the former ones, until all tasks
        # have slots.
        self._next: JobGraph | None = None
        self._former: JobGraph | None = None

    def handle(self, event: SchedulerEvent, now_ms: int) -> list[SchedulerAction]:
        """Take an event and return what is to be done about it, in order.

        :param now_ms: the time of day.
        """
        self._now = now_ms
        self._actions = []
        if self.graph.status.is_terminal():
            # The job has ended and its slots are given back; whoever offers one more gets a no.
            return [AnswerOffer(())] if isinstance(event, SlotsOffered) else []
        match event:
            case TaskStateChanged():
                self._task_state_changed(event)
            case SlotsOffered():
                self._slots_offered(event.slots)
            case JobStarted():
                self._start()
            case SlotLost():
                self._slot_lost(event)
            case TaskManagerLost():
                self._slots_gone(self.pool.slots_of(event.resource_id), event.failure)
            case DeploymentFailed():
                self._deployment_failed(event)
            case ClusterResourcesReported():
                self._cluster_resources(event)
            case TimerFired():
                self._timer_fired(event.kind)
            case CancelRequested():
                self._cancel_requested()
            case RescaleRequested():
                self._rescale_requested(event.job_graph)
            case JobFailed():
                self._handle_failure(event.failure, ())
            case JobSuspended():
                self._complete(JobStatus.SUSPENDED)
            case RestoreDecided():
                pass  # tasks that wait for it go on below
        if not self.graph.status.is_terminal():
            self._progress()
        return self._actions

    # ------------------------------------------------------------------ scheduling

    def _start(self) -> None:
        if self.graph.status is JobStatus.CREATED:
            self.graph.transition(JobStatus.RUNNING, self._now)
            self._schedule(vertex.id for vertex in self.graph.vertices())

    def _schedule(self, vertices: Iterable[ExecutionVertexID]) -> None:
        for vertex_id in vertices:
            self.graph.vertex(vertex_id).current.transition(_E.SCHEDULED, self._now)
            self._waiting.add(vertex_id)
        self._declare()
        self._deploy_waiting()
        if self._waiting:
            self._checking_resources = False
            self._actions.append(SetTimer(TimerKind.SLOT_REQUEST, self._settings.slot_request_timeout_ms))

    def _declare(self) -> None:
        """Tell the ResourceManager if the number of slots that the job needs has changed."""
        needed = 0
        if self.graph.status in _ACTIVE:
            needed = sum(1 for group in self.sharing.groups() if any(map(self._has_work, self.sharing.members(group))))
        if needed != self.pool.requirement:
            self.pool.requirement = needed
            self._actions.append(DeclareResources(needed))

    def _has_work(self, vertex_id: ExecutionVertexID) -> bool:
        return vertex_id in self._restarting or self.graph.vertex(vertex_id).state is not _E.FINISHED

    def _slots_offered(self, slots: tuple[PhysicalSlot, ...]) -> None:
        accepted = tuple(slot.allocation_id for slot in slots if self.pool.offer(slot, self._now))
        self._actions.append(AnswerOffer(accepted))
        self._deploy_waiting()

    def _deploy_waiting(self) -> None:
        if not self._waiting or not self.pool.assign(map(self.sharing.group_of, sorted(self._waiting))):
            return
        vertices = [vertex for vertex in self.graph.vertices() if vertex.id in self._waiting]
        self._waiting.clear()
        self._slot_failures = 0
        self._stop_waiting_timers()
        for vertex in vertices:
            vertex.current.slot = self.pool.slot_of(self.sharing.group_of(vertex.id))
            vertex.current.transition(_E.DEPLOYING, self._now)
        by_task_manager: dict[ResourceId, list[TaskDeployment]] = {}
        for vertex in vertices:
            by_task_manager.setdefault(_resource_id(vertex.current), []).append(
                build_task_deployment(self.graph, vertex, self._restore_of(vertex.id))
            )
        for resource_id, tasks in by_task_manager.items():
            self._actions.append(DeployTasks(resource_id, tuple(tasks)))
        if self._former is not None:
            self._former = None
            self._actions.append(RescaleEnded(None))

    def _stop_waiting_timers(self) -> None:
        self._checking_resources = False
        self._actions.append(CancelTimer(TimerKind.SLOT_REQUEST))
        self._actions.append(CancelTimer(TimerKind.RESOURCE_CHECK))

    def _timer_fired(self, kind: TimerKind) -> None:
        match kind:
            case TimerKind.SLOT_REQUEST:
                if self._waiting and not self._checking_resources:
                    # Ask once more what the cluster has, so that the message tells the present state.
                    self._checking_resources = True
                    self._cluster = None
                    self._actions.append(DeclareResources(self.pool.requirement))
                    self._actions.append(SetTimer(TimerKind.RESOURCE_CHECK, self._settings.resource_check_ms))
            case TimerKind.RESOURCE_CHECK:
                self._fail_for_resources()
            case TimerKind.RESTART:
                self._backoff_over = True
            case TimerKind.ROOT_CAUSE:
                if self._echoes:
                    self._failover(self._echoes.pop(0), ())
            case TimerKind.SLOT_IDLE:
                self._free_idle_slots()

    def _cluster_resources(self, event: ClusterResourcesReported) -> None:
        self._cluster = event
        self._fail_for_resources()

    def _fail_for_resources(self) -> None:
        if not self._checking_resources:
            return
        self._stop_waiting_timers()
        failure = not_enough_slots(
            self.graph,
            self.sharing,
            len(self.pool),
            self._cluster,
            self._settings.slot_request_timeout_ms,
            self._last_slot_failure,
            self._now,
        )
        if self._former is not None:
            self._rescale_back(self._former, failure)
        else:
            self._handle_failure(failure, sorted(self._waiting))

    # ------------------------------------------------------------------ other parallelisms

    def _rescale_requested(self, job_graph: JobGraph) -> None:
        if self.graph.status is not JobStatus.RUNNING or self._waiting or self._echoes:
            self._actions.append(RescaleEnded(not_rescalable(self.graph, bool(self._waiting), self._now)))
            return
        self.graph.transition(JobStatus.RESTARTING, self._now)
        self._next = job_graph
        self._restarting = {vertex.id for vertex in self.graph.vertices()}
        self._backoff_over = True
        self._cancel(self._restarting)

    def _rescale(self, job_graph: JobGraph) -> None:
        """No task is alive: begin anew at other parallelisms. Groups get their slots back, as far as there are any."""
        for group in self.sharing.groups():
            self.pool.release(group, self._now)
        self.graph.rescale(job_graph, self._now)
        self.sharing = SlotSharing(self.graph)
        self._failures.graph_changed()

    def _rescale_back(self, job_graph: JobGraph, failure: FailureInfo) -> None:
        """There are not enough slots: the job goes on as it was, from the same checkpoint."""
        self._former = None
        self._waiting.clear()
        if self.graph.status is JobStatus.RESTARTING:
            self._actions.append(CancelTimer(TimerKind.RESTART))
            self._restarting = set()
            self.graph.transition(JobStatus.RUNNING, self._now)
        self._rescale(job_graph)
        self._actions.append(RescaleEnded(failure))
        self._schedule(vertex.id for vertex in self.graph.vertices())

    def _rescale_is_off(self, failure: FailureInfo) -> None:
        """The job ends; nobody waits for its new parallelisms any more."""
        if self._next is not None or self._former is not None:
            self._next = self._former = None
            self._actions.append(RescaleEnded(failure))

    # ------------------------------------------------------------------ what tasks report

    def _task_state_changed(self, event: TaskStateChanged) -> None:
        vertex = self.graph.vertex_of_attempt(event.attempt_id)
        if vertex is None:
            return
        execution = vertex.current
        if event.metrics is not None:
            execution.metrics = event.metrics
        if not execution.is_deployed():
            return
        canceling = execution.state is _E.CANCELING
        match event.state:
            case _E.INITIALIZING if execution.state is _E.DEPLOYING:
                execution.transition(_E.INITIALIZING, self._now)
            case _E.RUNNING if execution.state in (_E.DEPLOYING, _E.INITIALIZING):
                execution.transition(_E.RUNNING, self._now)
            case _E.FINISHED:
                execution.transition(_E.CANCELED if canceling else _E.FINISHED, self._now)
            case _E.CANCELED if canceling:
                execution.transition(_E.CANCELED, self._now)
            case _E.CANCELED:
                self._fail_tasks([vertex], unexpected_cancellation())
            case _E.FAILED:
                self._fail_tasks([vertex], event.failure if event.failure is not None else unexplained_failure())

    def _deployment_failed(self, event: DeploymentFailed) -> None:
        vertices = [vertex for vertex in map(self.graph.vertex_of_attempt, event.attempt_ids) if vertex is not None]
        vertices = [vertex for vertex in vertices if vertex.current.is_deployed()]
        # If the call was carried out all the same, nobody must be left running.
        self._send_cancel(vertex.current for vertex in vertices)
        self._fail_tasks(vertices, event.failure)

    def _fail_tasks(self, vertices: Iterable[ExecutionVertex], failure: FailureInfo) -> None:
        """Some tasks have ended with this failure: one failure, however many tasks it took."""
        failed = []
        others: list[FailureInfo] = []
        first: FailureInfo | None = None
        for vertex in vertices:
            execution = vertex.current
            execution.failure = located(failure, self.graph, vertex, self._now)
            if execution.state is _E.CANCELING:
                execution.transition(_E.CANCELED, self._now)
                if not self._improve_cause(execution.failure):
                    others.append(execution.failure)
            else:
                execution.transition(_E.FAILED, self._now)
                self._waiting.discard(vertex.id)
                failed.append(vertex.id)
                if first is None:
                    first = execution.failure
                else:
                    others.append(execution.failure)
        if first is not None:
            self._handle_failure(first, failed)
        if self.graph.status in (JobStatus.RESTARTING, JobStatus.FAILING):
            for failure in others:
                self._failures.history.add_concurrent(failure)
        elif self._echoes:
            self._echoes += others

    def _improve_cause(self, failure: FailureInfo) -> bool:
        """A task that was being cancelled tells of a primary failure.

        :return: it explains the echo that had to serve as the job's failure until now.
        """
        cause = self.graph.failure
        if cause is None or cause.kind != NETWORK or not _is_primary(failure):
            return False
        self.graph.failure = failure
        self._failures.history.replace_newest(failure)
        return True

    # ------------------------------------------------------------------ slots that go

    def _slot_lost(self, event: SlotLost) -> None:
        slot = next((slot for slot in self.pool.slots() if slot.allocation_id == event.allocation_id), None)
        if slot is not None:
            self._slots_gone([slot], event.failure)
        elif self._waiting and event.allocation_id not in self._former_slots:
            # It failed before it was offered. Another worker may do better, unless the job itself is the reason.
            self._slot_failures += 1
            self._last_slot_failure = event.failure
            if event.failure.kind != WORKER_DIED or self._slot_failures >= _SLOT_FAILURES_WHILE_WAITING:
                self._slot_failures = 0
                self._handle_failure(event.failure, sorted(self._waiting))

    def _slots_gone(self, slots: list[PhysicalSlot], failure: FailureInfo) -> None:
        gone = {slot.allocation_id for slot in slots}
        for allocation_id in gone:
            self._remove_slot(allocation_id)
        self._fail_tasks(
            [
                vertex
                for vertex in self.graph.vertices()
                if vertex.current.is_deployed() and _allocation_id(vertex.current) in gone
            ],
            failure,
        )

    def _release_unused_slots(self) -> None:
        for group in self.sharing.groups():
            if self.pool.slot_of(group) is not None and not any(map(self._has_work, self.sharing.members(group))):
                self.pool.release(group, self._now)

    def _set_idle_timer(self) -> None:
        expiry = self.pool.next_idle_expiry_ms(self._settings.slot_idle_timeout_ms)
        # While tasks wait for the rest of their slots, those that are there already are not idle.
        if expiry is not None and not self._waiting and not self._idle_timer_set:
            self._idle_timer_set = True
            self._actions.append(SetTimer(TimerKind.SLOT_IDLE, max(0, expiry - self._now)))

    def _free_idle_slots(self) -> None:
        self._idle_timer_set = False
        if not self._waiting:
            expired = self.pool.expired(self._now, self._settings.slot_idle_timeout_ms)
            self._free(expired, "the job has not used the slot for slot.idle.timeout")

    def _remove_slot(self, allocation_id: AllocationId) -> None:
        self.pool.remove(allocation_id)
        # What is still said of it is no news.
        self._former_slots.add(allocation_id)

    def _free(self, slots: Iterable[PhysicalSlot], cause: str) -> None:
        by_task_manager: dict[ResourceId, list[AllocationId]] = {}
        for slot in slots:
            self._remove_slot(slot.allocation_id)
            by_task_manager.setdefault(slot.task_manager.resource_id, []).append(slot.allocation_id)
        for resource_id, allocation_ids in by_task_manager.items():
            self._actions.append(FreeSlots(resource_id, tuple(allocation_ids), cause))

    # ------------------------------------------------------------------ failover

    def _handle_failure(self, failure: FailureInfo, failed: Collection[ExecutionVertexID]) -> None:
        if self.graph.status not in _ACTIVE:
            return
        if _is_primary(failure):
            self._failover(failure, failed)
        else:
            self._echo_vertices.update(failed)
            if not self._echoes:
                self._actions.append(SetTimer(TimerKind.ROOT_CAUSE, self._settings.root_cause_wait_ms))
            self._echoes.append(failure)

    def _failover(self, failure: FailureInfo, failed: Collection[ExecutionVertexID]) -> None:
        if not failure.timestamp_ms:
            failure = stamped(failure, self._now)
        vertices = sorted(self._echo_vertices.union(failed))
        whole_job = not vertices or (_is_primary(failure) and not failed)
        echoes = self._echoes
        self._forget_echoes()
        restarting = self.graph.status is JobStatus.RESTARTING and self._next is None
        result = self._failures.handle(failure, () if whole_job else vertices, self._now, restarting=restarting)
        for echo in echoes:
            self._failures.history.add_concurrent(echo)
        if result.tasks_to_restart is None:
            self.graph.failure = failure
            self._rescale_is_off(failure)
            self.graph.transition(JobStatus.FAILING, self._now)
            self._end_all_tasks()
            return
        if self.graph.status is JobStatus.RUNNING:
            self.graph.transition(JobStatus.RESTARTING, self._now)
        self._restarting |= result.tasks_to_restart
        self._cancel(result.tasks_to_restart)
        self._backoff_over = False
        self._actions.append(SetTimer(TimerKind.RESTART, result.delay_ms))
        self._declare()

    def _forget_echoes(self) -> None:
        if self._echoes:
            self._actions.append(CancelTimer(TimerKind.ROOT_CAUSE))
        self._echoes = []
        self._echo_vertices = set()

    def _cancel(self, vertices: Iterable[ExecutionVertexID]) -> None:
        """End these tasks: at once where nothing was deployed yet, else by asking their TaskManagers."""
        asked = []
        for vertex_id in sorted(vertices):
            execution = self.graph.vertex(vertex_id).current
            if execution.state in (_E.CREATED, _E.SCHEDULED):
                execution.transition(_E.CANCELED, self._now)
                self._waiting.discard(vertex_id)
            elif execution.is_deployed() and execution.state is not _E.CANCELING:
                execution.transition(_E.CANCELING, self._now)
                asked.append(execution)
        self._send_cancel(asked)
        if not self._waiting:
            self._stop_waiting_timers()

    def _send_cancel(self, executions: Iterable[Execution]) -> None:
        by_task_manager: dict[ResourceId, list[AttemptId]] = {}
        for execution in executions:
            by_task_manager.setdefault(_resource_id(execution), []).append(execution.attempt_id)
        for resource_id, attempt_ids in by_task_manager.items():
            self._actions.append(CancelTasks(resource_id, tuple(attempt_ids)))

    def _cancel_requested(self) -> None:
        if self.graph.status is not JobStatus.CANCELLING:
            self.graph.transition(JobStatus.CANCELLING, self._now)
            self._rescale_is_off(not_rescalable(self.graph, False, self._now))
            # A failure that was being cleared away is history now: the job ends because the user wants it.
            self.graph.failure = None
            self._end_all_tasks()

    def _end_all_tasks(self) -> None:
        """The job wants no task any more: it fails or is cancelled."""
        self._forget_echoes()
        if self._restarting:
            self._actions.append(CancelTimer(TimerKind.RESTART))
            self._restarting = set()
        self._cancel(vertex.id for vertex in self.graph.vertices())
        self._declare()

    # ------------------------------------------------------------------ how the job goes on

    def _progress(self) -> None:
        """Do what the event may have made possible."""
        status = self.graph.status
        if status is JobStatus.CANCELLING:
            if self.graph.all_terminal():
                self._complete(JobStatus.CANCELED)
        elif status is JobStatus.FAILING:
            if self.graph.all_terminal():
                self._complete(JobStatus.FAILED)
        elif status is JobStatus.RESTARTING:
            ended = all(self.graph.vertex(vertex_id).state.is_terminal() for vertex_id in self._restarting)
            if self._backoff_over and ended and not self._restore_in_doubt():
                self._restart()
        elif status is JobStatus.RUNNING and self.graph.all_finished():
            self._complete(JobStatus.FINISHED)
        if self.graph.status in _ACTIVE:
            self._release_unused_slots()
            self._set_idle_timer()
            self._declare()

    def _restart(self) -> None:
        vertices = sorted(self._restarting)
        self._restarting = set()
        self._backoff_over = False
        if self._next is not None:
            self._former, next_graph, self._next = self.graph.job_graph, self._next, None
            self._rescale(next_graph)
            vertices = [vertex.id for vertex in self.graph.vertices()]
        else:
            for vertex_id in vertices:
                self.graph.reset_vertex(vertex_id, self._now)
            self.graph.restarts += 1
        self.graph.transition(JobStatus.RUNNING, self._now)
        self._schedule(vertices)

    def _complete(self, status: JobStatus) -> None:
        self.graph.transition(status, self._now)
        self._rescale_is_off(not_rescalable(self.graph, False, self._now))
        self._waiting.clear()
        self._actions.extend(CancelTimer(kind) for kind in TimerKind)
        self._free(self.pool.slots(), f"job {self.graph.job_id} is {status.name}")
        self._declare()
        self._actions.append(CompleteJob(status))


def _is_primary(failure: FailureInfo) -> bool:
    return failure.kind != NETWORK


def _resource_id(execution: Execution) -> ResourceId:
    return _slot(execution).task_manager.resource_id


def _allocation_id(execution: Execution) -> AllocationId:
    return _slot(execution).allocation_id


def _slot(execution: Execution) -> PhysicalSlot:
    if execution.slot is None:
        raise AssertionError(f"{execution!r} is deployed without a slot")
    return execution.slot
