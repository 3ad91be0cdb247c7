"""Serves the slots of a TaskManager: from a request, over the preparation of a worker, to the slot's release.

It carries out what the pure tables (:mod:`~millstream.taskmanager.task_executor.slot_table`,
:mod:`~millstream.taskmanager.task_executor.task_table`) decide, and owns the connections to the JobMasters.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from millstream.common.clock import Clock
from millstream.common.config import Configuration, TaskManagerOptions
from millstream.common.errors import MillstreamError
from millstream.common.failure import ENGINE, FailureInfo, engine_failure
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.leader_directory import LeaderDirectory
from millstream.common.ids import AllocationId, AttemptId, JobID, LeaderSessionId
from millstream.common.rpc.service import FencingError, RpcService
from millstream.common.states import ExecutionState
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.inspection_pb2 import SampleStacksRequest, StackSamples
from millstream.common.wire.worker_pb2 import PrepareSlot, WorkerInspection
from millstream.taskmanager.checkpoint_declines import not_running
from millstream.taskmanager.inspection.sampling_limits import check_sampling, longest_sampling_s
from millstream.taskmanager.task_executor.allocated_slot import AllocatedSlot, TaskReport, WorkerLostError
from millstream.taskmanager.task_executor.deadline import within
from millstream.taskmanager.task_executor.job_master_connection import JobMasterConnection
from millstream.taskmanager.task_executor.local_state_service import LocalStateService
from millstream.taskmanager.task_executor.slot_table import SlotState, SlotTable
from millstream.taskmanager.task_executor.task_table import CancelVerdict
from millstream.taskmanager.task_executor.worker_failure import cancellation_failure, worker_died_failure
from millstream.taskmanager.task_executor.worker_inspector import WorkerInspector
from millstream.taskmanager.worker.handle import WorkerPool

__all__ = ["NOTICE_RECEIVED", "SLOT_ALLOCATED", "TASKS_SUBMITTED", "SlotService"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

SLOT_ALLOCATED: Final = FaultPoint(
    "taskmanager.slot-allocated", "a slot is allocated and its worker prepared, its JobMaster was not offered it yet"
)
TASKS_SUBMITTED: Final = FaultPoint(
    "taskmanager.tasks-submitted", "tasks were given to their workers, nobody knows yet that they run"
)
NOTICE_RECEIVED: Final = FaultPoint(
    "taskmanager.notice-received", "what became of a checkpoint has come to the TaskManager, and to no task yet"
)

_PREPARE_TIMEOUT_S = 120.0
"""For a worker to unpack and import a job's files; ``taskmanager.slot.timeout`` is for the JobMaster's answers."""
_SAMPLING_ANSWER_S = 3.0
"""For the samples to come, when they have been taken."""
_STOP_GRACE_S = 1.0
_LOST_GRACE_S = 0.3
"""What tasks still do is in vain when their JobMaster is lost, and its successor waits for their slots."""


class _JobMasterSilentError(Exception):
    """The JobMaster did not answer within the slot timeout."""


class SlotService:
    """All slots of one TaskManager.

    :param leaders: tells who leads the jobs.
    :param identity: how the TaskManager registers at a JobMaster (the job's id is filled in).
    :param on_slot_available: called with slot and allocation when a slot is free again.
    :param local_state: looks after the copies that the jobs' workers keep; whoever made it closes it.
    :ivar inspector: looks at the slots' workers.
    """

    def __init__(
        self,
        rpc: RpcService,
        leaders: LeaderDirectory,
        clock: Clock,
        configuration: Configuration,
        worker_pool: WorkerPool,
        identity: pb.RegisterTaskManagerRequest,
        on_slot_available: Callable[[int, AllocationId], None],
        local_state: LocalStateService,
    ) -> None:
        self._rpc = rpc
        self._leaders = leaders
        self._clock = clock
        self._configuration = configuration
        self._worker_pool = worker_pool
        self._identity = identity
        self._on_slot_available = on_slot_available
        self._local_state = local_state
        self._slot_timeout_s = configuration.get(TaskManagerOptions.SLOT_TIMEOUT).total_seconds()
        self._table = SlotTable(configuration.get(TaskManagerOptions.NUM_TASK_SLOTS))
        self._slots: dict[AllocationId, AllocatedSlot] = {}
        self.inspector = WorkerInspector(self._slots.values)
        self._jobs: dict[JobID, JobMasterConnection] = {}
        self._serving: dict[AllocationId, asyncio.Task[None]] = {}
        # In the order in which they began.
        self._parting: dict[JobMasterConnection, None] = {}
        self._background: dict[asyncio.Task[None], None] = {}
        self._closing = False

    # ------------------------------------------------------------------ asked by the ResourceManager

    def report(self) -> list[pb.SlotStatus]:
        """Return the state of all slots."""
        return self._table.report()

    def worker_pids(self) -> list[int]:
        """Return the processes in which the slots' workers run; this one, for threads."""
        return [slot.worker_pid for slot in self._slots.values() if slot.has_worker]

    def request(self, request: pb.RequestSlotRequest) -> None:
        """Give a slot to a job and begin to serve it. Does nothing if the allocation has the slot already.

        :raises SlotAllocationError: the slot cannot be given.
        """
        if self._closing:
            raise MillstreamError(f"TaskManager {self._identity.resource_id} is shutting down")
        job_id, allocation_id = JobID(request.job_id), AllocationId(request.allocation_id)
        if not self._table.allocate(request.slot_index, job_id, allocation_id):
            return
        self._local_state.job_is_here(job_id)
        job = self._connect(job_id, request.job_master_address, LeaderSessionId(request.job_master_id))
        slot = AllocatedSlot(request.slot_index, allocation_id, job_id, self._configuration, self)
        self._slots[allocation_id] = slot
        _log.info("Slot %d is allocated to job %s (allocation %s)", slot.index, job_id, allocation_id)
        self._serving[allocation_id] = asyncio.ensure_future(self._serve(slot, job))

    def take_back(self, allocation_id: AllocationId, cause: str) -> None:
        """End an allocation. Does nothing if there is none such."""
        self._release(allocation_id, cause or "the ResourceManager took it back")

    # ------------------------------------------------------------------ asked by JobMasters

    def free(self, allocation_id: AllocationId, cause: str, job_master_id: str) -> None:
        """End an allocation. Does nothing if there is none such, or it ends already.

        :raises FencingError: another JobMaster leads its job.
        """
        slot = self._slots.get(allocation_id)
        if slot is not None and slot.job_id in self._jobs:  # if its job has no leader here, it is being released
            self._job_of(slot.job_id, job_master_id)
            self._release(allocation_id, cause or "the JobMaster gave it back")

    def submit(self, request: pb.SubmitTasksRequest) -> None:
        """Have tasks run. All of them are taken, or none; those that are here already are left alone.

        :raises MillstreamError: a task's slot is not (or no longer) the job's.
        """
        per_slot: dict[AllocationId, pb.SubmitTasksRequest] = {}
        for task in request.tasks:
            allocation_id = AllocationId(task.allocation_id)
            slot = self._slots.get(allocation_id)
            if (
                slot is None
                or not slot.is_prepared
                or slot.job_id != task.job_id
                or self._table.state(allocation_id) is SlotState.RELEASING
            ):
                raise MillstreamError(
                    f"task {task.vertex.name} ({task.subtask_index + 1}/{task.vertex.parallelism}) cannot run: "
                    f"TaskManager {self._identity.resource_id} has no slot for allocation {allocation_id} "
                    f"of job {task.job_id} (any more)"
                )
            self._job_of(JobID(task.job_id), request.job_master_id)
            per_slot.setdefault(allocation_id, pb.SubmitTasksRequest()).tasks.append(task)
        for allocation_id, mine in per_slot.items():
            slot = self._slots[allocation_id]
            tasks = self._jobs[slot.job_id].tasks
            # Who submits tasks has taken the slot up, though the answer to our offer may still be on its way.
            self._table.activate(allocation_id)
            fresh = [task for task in mine.tasks if tasks.submit(task)]
            try:
                slot.run(fresh)
            except MillstreamError:
                for task in fresh:
                    tasks.transition(AttemptId(task.attempt_id), ExecutionState.FAILED)
                raise
        TASKS_SUBMITTED.reach()

    def cancel(self, request: pb.CancelTasksRequest) -> None:
        """Have tasks cancelled; one that never came here is reported as canceled and never will run.

        A JobMaster that has no slots here (any more) has been told of the end of its tasks already.
        """
        job = self._job_led_by(request.job_master_id)
        if job is None:
            _log.info("JobMaster %s cancels tasks, but has no slots here", request.job_master_id)
            return
        for attempt in request.attempt_ids:
            attempt_id = AttemptId(attempt)
            verdict = job.tasks.cancel(attempt_id)
            if verdict is CancelVerdict.UNKNOWN:
                job.report(
                    pb.TaskExecutionState(
                        attempt_id=attempt_id,
                        state=ExecutionState.CANCELED.value,
                        timestamp_ms=self._clock.now_ms(),
                    )
                )
            elif verdict is CancelVerdict.LIVE:
                entry = job.tasks.find(attempt_id)
                slot = None if entry is None else self._slots.get(entry.allocation_id)
                if slot is not None and self._table.state(slot.allocation_id) is not SlotState.RELEASING:
                    slot.cancel(attempt_id)

    def trigger_checkpoint(self, request: pb.TriggerTaskCheckpointRequest) -> None:
        """Have tasks begin a checkpoint; one that does not run here (any more) declines it at once.

        A JobMaster that has no slots here (any more) has been told of the end of its tasks already.
        """
        job = self._job_led_by(request.job_master_id)
        if job is None:
            _log.info("JobMaster %s triggers a checkpoint, but has no slots here", request.job_master_id)
            return
        per_slot, missing = self._per_slot(job, request.attempt_ids)
        for slot, attempt_ids in per_slot:
            mine = pb.TriggerTaskCheckpointRequest()
            mine.CopyFrom(request)
            mine.attempt_ids[:] = attempt_ids
            try:
                slot.trigger_checkpoint(mine)
            except WorkerLostError:
                missing += attempt_ids
        for attempt_id in missing:
            job.report(not_running(attempt_id, request.checkpoint_id))

    def notify_checkpoint(self, request: pb.NotifyCheckpointRequest) -> None:
        """Tell tasks what became of a checkpoint; those that do not run here (any more) need not know."""
        job = self._job_led_by(request.job_master_id)
        if job is None:
            return
        NOTICE_RECEIVED.reach()
        self._local_state.notify_checkpoint(job.job_id, request.checkpoint_id, completed=request.completed)
        for slot, attempt_ids in self._per_slot(job, request.attempt_ids)[0]:
            mine = pb.NotifyCheckpointRequest()
            mine.CopyFrom(request)
            mine.attempt_ids[:] = attempt_ids
            try:
                slot.notify_checkpoint(mine)
            except WorkerLostError as error:
                _log.debug("nobody to notify of checkpoint %d: %s", request.checkpoint_id, error)

    async def ask_operator(self, request: pb.TaskOperatorRequest) -> bytes:
        """Pass a message to an operator and return its answer.

        :raises MillstreamError: the task does not run here, or the operator did not answer.
        """
        attempt_id = AttemptId(request.attempt_id)
        for job in self._jobs.values():
            entry = job.tasks.find(attempt_id)
            if entry is not None:
                slot = self._slots[entry.allocation_id]
                return await slot.ask_operator(attempt_id, request.operator_id, request.payload)
        raise MillstreamError(f"task attempt {attempt_id} does not run on TaskManager {self._identity.resource_id}")

    async def sample_stacks(self, request: SampleStacksRequest) -> StackSamples:
        """Look where tasks spend their time; those that do not run here, or whose workers do not answer, are left out.

        :raises MillstreamError: it would last too long.
        """
        check_sampling(request)
        tables = [job.tasks for job in self._jobs.values()]
        entries = [table.find(AttemptId(each)) for each in request.attempt_ids for table in tables]
        allocations = {entry.allocation_id for entry in entries if entry is not None}
        slots = [self._slots[each] for each in allocations if each in self._slots]
        answers = await self.inspector.ask(
            [slot for slot in slots if slot.has_worker],
            WorkerInspection(sample_stacks=request),
            longest_sampling_s(request) + _SAMPLING_ANSWER_S,
        )
        return StackSamples(attempts=[each for answer in answers for each in answer.stack_samples.attempts])

    def heartbeat(self, job_id: JobID, job_master_id: str, known: set[AllocationId]) -> pb.HeartbeatResponse:
        """Note a JobMaster's heartbeat and tell it of its slots and tasks.

        A JobMaster without slots here gets an empty answer, which says just that.

        :raises FencingError: another one leads the job.
        """
        if job_id not in self._jobs:
            return pb.HeartbeatResponse()
        job = self._job_of(job_id, job_master_id)
        active = [a for a in self._table.allocations_of(job_id) if self._table.state(a) is SlotState.ACTIVE]
        for allocation_id in job.heartbeat(known, active):
            self._release(allocation_id, "its JobMaster does not know of it any more")
        return pb.HeartbeatResponse(slots=self._table.report(job_id), metrics=self.metrics(job_id))

    def metrics(self, job_id: JobID) -> list[pb.AttemptMetrics]:
        """Return the last known figures of a job's tasks."""
        return [entry for slot in self._slots.values() if slot.job_id == job_id for entry in slot.metrics()]

    def disconnect(self, job_id: JobID, job_master_id: str, cause: str, *, job_goes_on: bool) -> None:
        """A JobMaster says goodbye: its tasks end, its slots are free.

        :param job_goes_on: another JobMaster may want what the job leaves here.
        """
        job = self._jobs.get(job_id)
        if job is not None and job.job_master_id == job_master_id:
            self._on_job_lost(job, f"it has disconnected: {cause}", may_return=job_goes_on)

    # ------------------------------------------------------------------ the end

    async def close(self, cause: str) -> None:
        """Say goodbye to all JobMasters and end all workers."""
        self._closing = True
        jobs = list(self._jobs.values())
        self._jobs.clear()
        await asyncio.gather(*(job.close(cause) for job in jobs))
        for job in self._parting:
            job.abandon()
        for allocation_id in list(self._slots):
            self._release(allocation_id, cause)
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)

    # ------------------------------------------------------------------ heard from slots (SlotListener)

    def on_task_state(self, slot: AllocatedSlot, state: pb.TaskExecutionState) -> None:
        """A task's state has changed: tell its JobMaster."""
        job = self._jobs.get(slot.job_id)
        if job is None:
            return
        try:
            execution_state = ExecutionState(state.state)
        except ValueError:
            _log.error("%s reports a state that is not known: %r", slot.worker_description, state.state)
            return
        if not job.tasks.transition(AttemptId(state.attempt_id), execution_state):
            _log.debug("a late state of attempt %s: %s", state.attempt_id, state.state)
            return
        if state.HasField("failure"):
            state.failure.task_manager = self._place(slot)
        job.report(state)

    def on_task_report(self, slot: AllocatedSlot, report: TaskReport) -> None:
        """A task says something of a checkpoint, or wants a split: so does its TaskManager, unless it has ended."""
        job = self._jobs.get(slot.job_id)
        if job is None:
            return
        if isinstance(report, pb.CheckpointDecline):
            report.failure.task_manager = self._place(slot)
        elif job.tasks.find(AttemptId(report.attempt_id)) is None:
            _log.debug("a late word of attempt %s", report.attempt_id)
            return
        job.report(report)

    def on_slot_failed(self, slot: AllocatedSlot, failure: FailureInfo) -> None:
        """A worker gives its slot up."""
        self._fail(slot, failure)

    def on_worker_exit(self, slot: AllocatedSlot, how: str) -> None:
        """A worker has ended by itself."""
        job = self._jobs.get(slot.job_id)
        tasks = [] if job is None else job.tasks.live_in(slot.allocation_id)
        self._fail(
            slot,
            worker_died_failure(slot.worker_description, slot.index, self._identity.resource_id, how, tasks),
        )

    def on_cancellation_timeout(self, slot: AllocatedSlot, attempt_id: AttemptId) -> None:
        """A cancelled task does not end: its worker must."""
        job = self._jobs.get(slot.job_id)
        entry = None if job is None else job.tasks.find(attempt_id)
        if entry is not None:
            timeout_s = self._configuration.get(TaskManagerOptions.TASK_CANCELLATION_TIMEOUT).total_seconds()
            failure = cancellation_failure(slot.worker_description, slot.index, entry, timeout_s)
            self._fail(slot, failure, grace_s=0)

    # ------------------------------------------------------------------ inside

    async def _serve(self, slot: AllocatedSlot, job: JobMasterConnection) -> None:
        """Bring a slot from its allocation to where the JobMaster has taken it up."""
        try:
            await slot.take_worker(self._worker_pool)
            self.inspector.greet(slot)
            information = await self._in_slot_timeout(job.job_information())
            command = self._prepare_command(slot, information)
            command.local_state_directories.extend(await self._local_state.directories_of(information))
            prepared = await within(_PREPARE_TIMEOUT_S, slot.prepare(command))
            offer = pb.SlotOffer(
                allocation_id=slot.allocation_id,
                slot_index=slot.index,
                data_host=self._identity.host,
                data_port=prepared.data_port,
            )
            SLOT_ALLOCATED.reach()
            accepted = await self._in_slot_timeout(job.offer(offer))
        except _JobMasterSilentError:
            if self._table.state(slot.allocation_id) is not SlotState.ACTIVE:
                self._release(
                    slot.allocation_id,
                    f"its JobMaster did not take it up within {self._slot_timeout_s:g} s "
                    f"({TaskManagerOptions.SLOT_TIMEOUT.key})",
                )
        except asyncio.TimeoutError:
            message = f"The {slot.worker_description} of slot {slot.index} was not ready in {_PREPARE_TIMEOUT_S:g} s."
            self._fail(slot, engine_failure(ENGINE, message), grace_s=0)
        except WorkerLostError as error:
            _log.debug("slot %d was lost before it was ready: %s", slot.index, error)  # and its listener told
        except (OSError, MillstreamError) as error:
            self._fail(slot, engine_failure(ENGINE, f"Slot {slot.index} got no worker: {error}"))
        else:
            if not accepted:
                self._release(slot.allocation_id, f"the JobMaster of job {slot.job_id} does not want it")
            elif self._table.activate(slot.allocation_id):
                _log.info("Slot %d (%s) serves job %s", slot.index, slot.worker_description, slot.job_id)

    async def _in_slot_timeout(self, answer: Coroutine[Any, Any, T]) -> T:
        try:
            return await within(self._slot_timeout_s, answer)
        except asyncio.TimeoutError:
            raise _JobMasterSilentError from None

    def _prepare_command(self, slot: AllocatedSlot, information: pb.JobInformation) -> PrepareSlot:
        return PrepareSlot(
            job=information,
            allocation_id=slot.allocation_id,
            slot_index=slot.index,
            task_manager_id=self._identity.resource_id,
            data_bind_host=self._configuration.get(TaskManagerOptions.BIND_HOST),
            configuration=self._configuration.to_map(),
            data_host=self._identity.host,
        )

    def _connect(self, job_id: JobID, address: str, job_master_id: LeaderSessionId) -> JobMasterConnection:
        job = self._jobs.get(job_id)
        if job is not None and job.job_master_id != job_master_id:
            self._on_job_lost(job, f"another JobMaster leads the job now, at {address}")
            job = None
        if job is None:
            registration = pb.RegisterTaskManagerRequest()
            registration.CopyFrom(self._identity)
            registration.job_id = job_id
            job = JobMasterConnection(
                self._rpc, self._leaders, address, job_master_id, self._configuration, registration, self._on_job_lost
            )
            self._jobs[job_id] = job
        return job

    def _job_led_by(self, job_master_id: str) -> JobMasterConnection | None:
        return next((job for job in self._jobs.values() if job.job_master_id == job_master_id), None)

    def _per_slot(
        self, job: JobMasterConnection, attempts: Iterable[str]
    ) -> tuple[list[tuple[AllocatedSlot, list[str]]], list[str]]:
        """Divide attempts by the slots they run in; those that run in none come second."""
        per_slot: dict[AllocationId, list[str]] = {}
        missing: list[str] = []
        for attempt_id in attempts:
            entry = job.tasks.find(AttemptId(attempt_id))
            if entry is None or self._table.state(entry.allocation_id) is SlotState.RELEASING:
                missing.append(attempt_id)
            else:
                per_slot.setdefault(entry.allocation_id, []).append(attempt_id)
        return [(self._slots[allocation_id], mine) for allocation_id, mine in per_slot.items()], missing

    def _job_of(self, job_id: JobID, job_master_id: str) -> JobMasterConnection:
        job = self._jobs.get(job_id)
        if job is None or job.job_master_id != job_master_id:
            raise FencingError(
                f"the request comes from JobMaster {job_master_id or '(none)'}, but job {job_id} is led by "
                f"{'nobody' if job is None else job.job_master_id} as far as this TaskManager knows"
            )
        return job

    def _on_job_lost(self, job: JobMasterConnection, reason: str, *, may_return: bool = True) -> None:
        if self._jobs.get(job.job_id) is not job:
            return
        _log.info("Job %s has no JobMaster any more (%s); what it has here ends", job.job_id, reason)
        del self._jobs[job.job_id]
        job.abandon()
        self._part_from(job)
        for slot in [slot for slot in self._slots.values() if slot.job_id == job.job_id]:
            self._release(slot.allocation_id, "its JobMaster is lost", _LOST_GRACE_S, may_return=may_return)

    def _fail(self, slot: AllocatedSlot, failure: FailureInfo, grace_s: float = _STOP_GRACE_S) -> None:
        """A slot is lost by a fault on this side: tell the JobMaster once for all tasks in it, and free it."""
        if not failure.task_manager:
            failure.task_manager = self._place(slot)
        if not failure.timestamp_ms:
            failure.timestamp_ms = self._clock.now_ms()
        _log.warning("Slot %d of job %s is lost: %s", slot.index, slot.job_id, failure.message)
        job = self._jobs.get(slot.job_id)
        if job is not None and self._table.state(slot.allocation_id) is not SlotState.RELEASING:
            job.tasks.slot_lost(slot.allocation_id)
            job.report(
                pb.FailSlotRequest(
                    resource_id=self._identity.resource_id,
                    session_id=self._identity.session_id,
                    allocation_id=slot.allocation_id,
                    failure=failure,
                )
            )
        self._release(slot.allocation_id, "its worker is lost", grace_s, may_return=True)

    def _release(
        self, allocation_id: AllocationId, cause: str, grace_s: float = _STOP_GRACE_S, *, may_return: bool = False
    ) -> None:
        """End an allocation.

        :param may_return: its job did not want that and may get another slot here.
        """
        if self._table.begin_release(allocation_id):
            slot = self._slots[allocation_id]
            _log.info("Slot %d of job %s is released: %s", slot.index, slot.job_id, cause)
            self._in_background(self._finish_release(slot, grace_s, may_return=may_return))

    async def _finish_release(self, slot: AllocatedSlot, grace_s: float, *, may_return: bool) -> None:
        serving = self._serving.pop(slot.allocation_id, None)
        if serving is not None and not serving.done():
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        try:
            await slot.end(grace_s)
        except asyncio.TimeoutError:
            _log.error("the %s of slot %d does not end, though it was killed", slot.worker_description, slot.index)
        del self._slots[slot.allocation_id]
        self._table.released(slot.allocation_id)
        if not self._table.allocations_of(slot.job_id):
            self._local_state.job_has_left(slot.job_id, may_return=may_return)
        job = self._jobs.get(slot.job_id)
        if job is not None:
            job.tasks.slot_lost(slot.allocation_id)
            if not self._table.allocations_of(slot.job_id):
                del self._jobs[slot.job_id]
                self._part_from(job)
        if not self._closing:
            self._on_slot_available(slot.index, slot.allocation_id)

    def _part_from(self, job: JobMasterConnection) -> None:
        """Close a connection that no slot needs any more, after what is still to be reported."""
        self._parting[job] = None

        async def close() -> None:
            try:
                await job.close()
            finally:
                self._parting.pop(job, None)

        self._in_background(close())

    def _place(self, slot: AllocatedSlot) -> str:
        return f"{self._identity.resource_id} @ {self._identity.host} (pid {slot.worker_pid})"

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background[task] = None
        task.add_done_callback(self._background_done)

    def _background_done(self, task: asyncio.Task[None]) -> None:
        self._background.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            _log.error("serving the slots failed", exc_info=task.exception())
