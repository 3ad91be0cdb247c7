"""The checkpoint coordinator of one job: a pure state machine beside the scheduler's.

Events come in through :meth:`CheckpointCoordinator.handle`, actions go out; there is no I/O, clock or randomness here.
What it holds to:

- A checkpoint begins only while every task runs or has finished, and needs the snapshot of each task that runs. Its
  life: the directory is made, the tasks are told, their snapshots come in, the metadata is written, a pointer to it
  is kept for later leaders of the job. When *that* is reported it is complete, and not before: until the pointer is
  being kept it can be given up, and nobody has acted on it.
- From then on it is in doubt until somebody can tell: nothing is deleted, nothing is reported, and no task is started
  anew (:attr:`CheckpointCoordinator.in_doubt`), for a later leader must not go on from another checkpoint than this
  one did. If that takes too long the pointer is removed first, and then the checkpoint is given up.
- The pointer of a completed checkpoint is removed before any of its files is deleted; and none is removed because of
  the job's end before the job's result is kept.
- A completed checkpoint is where the job restores from. Tasks are told of it, older pending checkpoints are given up,
  older completed ones are deleted. A savepoint that the job outlives changes nothing for the job.
- Whenever a task fails all pending checkpoints are given up: some of its snapshots may never be acted on.
- A subtask that finishes while a checkpoint is under way is part of it as one that has nothing left to do, if an
  *earlier* checkpoint says that it had processed all of its input: so its end is in front of the barrier. Its consumers
  may have to be told to begin in its stead. Any other subtask that finishes without acknowledging ends the checkpoint.
- When every task that runs has processed all of its input, a checkpoint is taken at once: they wait for it.
- Each request is answered exactly once, whatever happens. When the job has ended no timer runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.checkpoint.errors import BrokenSnapshotError
from millstream.common.failure import FailureInfo
from millstream.common.states import JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, CheckpointOptions, JobCheckpoints, TaskRestore
from millstream.jobmanager.checkpoint.actions import (
    CancelJob,
    CancelTimer,
    CheckpointAction,
    CompleteRequest,
    DeleteDirectory,
    FailJob,
    KeepPointer,
    LogFailure,
    NotifyTasks,
    PrepareLocation,
    RemovePointer,
    SetTimer,
    TimerKind,
    TriggerTasks,
    WriteMetadata,
)
from millstream.jobmanager.checkpoint.checkpoint_cleaner import CheckpointCleaner
from millstream.jobmanager.checkpoint.checkpoint_failures import (
    AbortReason,
    CheckpointFailureCounter,
    checkpoint_failure,
    expired,
    outdated,
    with_note,
)
from millstream.jobmanager.checkpoint.checkpoint_metadata import build_metadata, partly_finished_union
from millstream.jobmanager.checkpoint.checkpoint_options import checkpoint_options, savepoint_options
from millstream.jobmanager.checkpoint.checkpoint_plan import (
    by_task_manager,
    is_running,
    make_plan,
    not_running,
    refusal,
    running_members,
    trigger_tasks,
)
from millstream.jobmanager.checkpoint.checkpoint_statistics import CheckpointStatisticsTracker
from millstream.jobmanager.checkpoint.completed_checkpoint import CompletedCheckpoint
from millstream.jobmanager.checkpoint.completed_checkpoint_store import CompletedCheckpointStore
from millstream.jobmanager.checkpoint.events import (
    Acknowledged,
    CheckpointEvent,
    CheckpointRequested,
    CheckpointRestored,
    CheckpointsRecovered,
    ClaimMode,
    Declined,
    EndOfDataReported,
    JobEnded,
    LocationFailed,
    LocationPrepared,
    MetadataFailed,
    MetadataWritten,
    PointerKept,
    PointerNotKept,
    PointerRemoved,
    ResultKept,
    SavepointMode,
    SavepointRequested,
    TasksChanged,
    TimerFired,
)
from millstream.jobmanager.checkpoint.input_ends import InputEnds
from millstream.jobmanager.checkpoint.job_directory import JobDirectory
from millstream.jobmanager.checkpoint.pending_checkpoint import PendingCheckpoint, Phase
from millstream.jobmanager.checkpoint.pending_checkpoints import PendingCheckpoints
from millstream.jobmanager.checkpoint.referenced_files import resolved_snapshot
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from millstream.jobmanager.checkpoint.state_assignments import StateAssignments, completed_checkpoint
from millstream.jobmanager.checkpoint.stop_with_savepoint import StopWithSavepoint
from millstream.jobmanager.checkpoint.trigger_timing import TriggerTiming
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertex, ExecutionVertexID

__all__ = ["CheckpointCoordinator"]

_R = AbortReason


class CheckpointCoordinator:
    """Takes a job's checkpoints and savepoints, keeps the completed ones, and says what tasks begin from.

    :param graph: read only, but for the max parallelism that ``CheckpointRestored`` gives to some vertices.
    :param software_version: is noted in metadata.
    """

    def __init__(self, graph: ExecutionGraph, settings: CheckpointSettings, software_version: str) -> None:
        self._graph = graph
        self._settings = settings
        self._software_version = software_version
        self._lineage_id: str = graph.job_id
        self._actions: list[CheckpointAction] = []
        self._now = 0
        self._next_id = 1
        self._pending = PendingCheckpoints(settings.max_concurrent)
        self._store = CompletedCheckpointStore(settings.num_retained)
        self._cleaner = CheckpointCleaner()
        self._failures = CheckpointFailureCounter(settings.tolerable_failures)
        self._statistics = CheckpointStatisticsTracker(settings.enabled, settings.history_size)
        self._timing = TriggerTiming(settings.interval_ms or 0, settings.min_pause_ms)
        # Checkpoints that users want and that wait until there may be one more.
        self._requested: list[CheckpointRequested] = []
        self._stop = StopWithSavepoint(graph.job_id)
        # Checkpoints that were given up while the shell was making their directory, or writing into it.
        self._abandoned: dict[int, str] = {}
        self._ends = InputEnds(graph)
        self._restarts = graph.restarts
        self._assignments = StateAssignments(graph, settings.allow_unclaimed_state)
        self._directory = JobDirectory(settings, graph.job_id)
        self._ended: JobStatus | None = None

    def handle(self, event: CheckpointEvent, now_ms: int) -> list[CheckpointAction]:
        """Take an event and return what is to be done about it, in order.

        :param now_ms: the time of day.
        :raises StateRecoveryError: the job cannot begin from the snapshot of a ``CheckpointRestored``, or go on from
            the newest of ``CheckpointsRecovered``.
        :raises BrokenSnapshotError: that snapshot refers to files where no snapshot has any. No other event raises.
        """
        self._now = now_ms
        self._actions = []
        under_way = len(self._pending)
        match event:
            case Acknowledged():
                self._acknowledged(event)
            case Declined():
                self._declined(event)
            case TasksChanged():
                self._tasks_changed()
            case TimerFired():
                self._timer_fired(event)
            case LocationPrepared():
                self._location_prepared(event)
            case LocationFailed() | MetadataFailed():
                self._storage_failed(event)
            case MetadataWritten():
                self._metadata_written(event.checkpoint_id)
            case PointerKept():
                self._pointer_kept(event.checkpoint_id)
            case PointerNotKept():
                pending = self._pending.get(event.checkpoint_id)
                if pending is not None and pending.phase is Phase.KEEPING:
                    self._abort(pending, _R.STORAGE, event.failure)
            case PointerRemoved():
                pending = self._pending.get(event.checkpoint_id)
                if pending is not None and pending.phase is Phase.WITHDRAWING:
                    self._abort(pending, _R.EXPIRED, expired(pending, self._graph, self._settings.timeout_ms))
            case EndOfDataReported():
                self._ends.reported(event.attempt_id)
            case CheckpointRequested():
                self._checkpoint_requested(event)
            case SavepointRequested():
                self._savepoint_requested(event)
            case CheckpointsRecovered():
                self._recover(event)
            case CheckpointRestored():
                owned = event.claim_mode is ClaimMode.CLAIM
                self._begin_from([completed_checkpoint(event.metadata, event.directory, owned)])
            case JobEnded():
                self._job_ended(event.status)
            case ResultKept():
                self._result_kept()
        # An acknowledgement is nothing new, unless it is the last one: there are as many as tasks.
        if self._ended is None and not (isinstance(event, Acknowledged) and len(self._pending) == under_way):
            self._advance()
        return self._actions

    def restore_of(self, vertex_id: ExecutionVertexID) -> TaskRestore | None:
        """Return the state that a subtask begins with when it is deployed now; ``None``: it begins anew.

        :raises StateRecoveryError: the job was given parallelisms that its state does not allow.
        """
        latest = self._store.latest
        return None if latest is None else self._assignments.restore_of(vertex_id, latest)

    def statistics(self) -> JobCheckpoints:
        """Return what is known of the job's checkpoints."""
        return self._statistics.snapshot()

    @property
    def overview(self) -> JobCheckpoints:
        """Counts of the job's checkpoints and the latest of them; not to be changed."""
        return self._statistics.overview

    @property
    def latest_completed(self) -> CompletedCheckpoint | None:
        """The checkpoint that tasks are restored from."""
        return self._store.latest

    @property
    def in_doubt(self) -> bool:
        """Nobody can tell (yet) which checkpoint a later leader would go on from: no task may be restored now."""
        return self._pending.in_doubt

    @property
    def pending_ids(self) -> list[int]:
        """The checkpoints that are under way, oldest first."""
        return self._pending.ids

    # ------------------------------------------------------------------ restoring

    def _recover(self, event: CheckpointsRecovered) -> None:
        self._next_id = max(self._next_id, event.next_id)
        checkpoints = [completed_checkpoint(one.metadata, one.directory, one.owned) for one in event.checkpoints]
        if checkpoints:
            self._begin_from(checkpoints)
        self._actions += self._directory.recovered(checkpoints, event.unreadable, event.next_id)

    def _begin_from(self, checkpoints: list[CompletedCheckpoint]) -> None:
        """Go on from the last of these."""
        latest = checkpoints[-1]
        self._assignments.begin_from(latest)
        # All are known before any is deleted: they may share files.
        for checkpoint in checkpoints:
            self._cleaner.restored(checkpoint.metadata, checkpoint.owned)
        for checkpoint in checkpoints:
            for subsumed in self._store.add(checkpoint):
                self._discard(subsumed)
        self._next_id = max(self._next_id, latest.id + 1)
        self._lineage_id = latest.metadata.lineage_id or latest.metadata.job_id
        self._statistics.restored(latest, self._now)

    # ------------------------------------------------------------------ requests

    def _checkpoint_requested(self, event: CheckpointRequested) -> None:
        why_not = self._refusal()
        if why_not:
            self._answer(event.request_id, checkpoint_failure(f"there can be no checkpoint now: {why_not}"))
        else:
            self._requested.append(event)

    def _savepoint_requested(self, event: SavepointRequested) -> None:
        why_not = self._refusal()
        base = event.directory or self._settings.savepoint_directory
        if not why_not and not base:
            why_not = "it names no directory and execution.checkpointing.savepoint-dir is not set; set it, or name one"
        if why_not:
            self._answer(event.request_id, checkpoint_failure(f"there can be no savepoint now: {why_not}"))
            return
        options = savepoint_options(self._settings, event.mode, event.format)
        pending = self._begin(event.mode, event.request_id, options, base)
        if event.mode is not SavepointMode.SAVEPOINT:
            self._stop.began(pending)

    def _refusal(self) -> str:
        """Why there can be no checkpoint now; empty: there can."""
        if self._ended is not None:
            return f"job {self._graph.job_id} has ended ({self._ended.name})"
        if self._stop.savepoint is not None:
            return f"job {self._graph.job_id} is being stopped with savepoint {self._stop.savepoint.id}"
        return refusal(self._graph)

    def _answer(self, request_id: str, failure: FailureInfo | None, checkpoint_id: int = 0, location: str = "") -> None:
        if request_id:
            self._actions.append(CompleteRequest(request_id, checkpoint_id, location, failure))

    # ------------------------------------------------------------------ what may begin now

    def _advance(self) -> None:
        """Begin what may begin, and see to it that a timer calls when the next checkpoint is due."""
        self._trigger_located()
        active = self._graph.status is JobStatus.RUNNING and not_running(self._graph) is None
        if self._requested and not active:
            self._fail_requested(self._refusal())
        running = {vertex.current.attempt_id for vertex in self._graph.vertices() if is_running(vertex)}
        while active and running and self._requested and self._stop.savepoint is None and self._pending.has_room():
            request = self._requested.pop(0)
            self._begin_checkpoint(request.request_id, request.full)
        periodic = (
            active
            and self._settings.enabled
            and self._stop.savepoint is None
            and (self._settings.after_tasks_finish or len(running) == sum(1 for _ in self._graph.vertices()))
            and not self._ends.all_released(running)
        )
        ended = self._settings.after_tasks_finish and self._ends.all_ended(running)
        self._timing.watch(periodic, ended, self._now)
        if periodic and self._pending.may_follow() and self._timing.is_due(self._now):
            self._begin_checkpoint("", False)
        self._trigger_located()
        self._actions += self._timing.timer(periodic and self._pending.may_follow(), self._now)

    def _begin_checkpoint(self, request_id: str, full: bool) -> None:
        latest = self._store.latest
        # Nothing may depend on the files of a snapshot that belongs to somebody else.
        full = full or (latest is not None and not latest.owned)
        self._begin(None, request_id, checkpoint_options(self._settings, full), self._settings.directory)

    def _begin(
        self, mode: SavepointMode | None, request_id: str, options: CheckpointOptions, base: str
    ) -> PendingCheckpoint:
        options.trigger_timestamp_ms = self._now
        pending = PendingCheckpoint(self._next_id, mode, request_id, options)
        self._next_id += 1
        plan = make_plan(self._graph)
        pending.final = self._ends.all_ended(plan.tasks)
        self._pending.add(pending)
        self._timing.began(self._now)
        self._statistics.began(pending, plan)
        self._actions.append(SetTimer(TimerKind.TIMEOUT, self._settings.timeout_ms, pending.id))
        pending.located = not base
        if base:
            self._actions.append(PrepareLocation(pending.id, pending.is_savepoint, base))
        return pending

    # ------------------------------------------------------------------ the life of a checkpoint

    def _location_prepared(self, event: LocationPrepared) -> None:
        pending = self._pending.get(event.checkpoint_id)
        if pending is None:
            if self._abandoned.pop(event.checkpoint_id, None) is not None:
                self._actions.append(DeleteDirectory(event.directory))
            return
        pending.options.directory = event.directory.rstrip("/")
        if self._settings.incremental and not pending.is_savepoint:
            pending.options.shared_directory = event.shared_directory.rstrip("/")
        pending.located = True

    def _trigger_located(self) -> None:
        """Trigger what has its directory, in order: a task takes no checkpoint after a newer one."""
        for pending in self._pending:
            if not pending.located:
                return
            if pending.phase is not Phase.PREPARING:
                continue
            plan = make_plan(self._graph)
            pending.begin(plan, self._ends.ended)
            self._statistics.triggered(pending)
            self._tell_to_begin(pending, (self._graph.vertex(plan.tasks[task]) for task in plan.triggered))
            self._write_if_acknowledged(pending)

    def _tell_to_begin(self, pending: PendingCheckpoint, vertices: Iterable[ExecutionVertex]) -> None:
        for resource_id, attempts in by_task_manager(vertices).items():
            pending.triggered.update(attempts)
            self._actions.append(TriggerTasks(resource_id, attempts, pending.id, pending.options))

    def _acknowledged(self, event: Acknowledged) -> None:
        pending = self._pending.get(event.checkpoint_id)
        if pending is not None and event.attempt_id in pending.snapshots:
            return  # it came twice
        current = self._graph.vertex_of_attempt(event.attempt_id) is not None
        if pending is None or not pending.is_missing(event.attempt_id) or not current:
            self._actions += self._cleaner.discard_straggler(
                event.checkpoint_id, event.attempt_id, event.snapshot, pending
            )
            return
        try:
            snapshot = resolved_snapshot(event.snapshot, pending.directory)
        except BrokenSnapshotError as error:
            self._abort(pending, _R.INCONSISTENT, checkpoint_failure(str(error)))
            return
        pending.acknowledge(event.attempt_id, snapshot)
        self._statistics.acknowledged(pending.id, pending.plan.tasks[event.attempt_id], event.metrics, self._now)
        lost = self._cleaner.took(pending.id, snapshot)
        if lost:
            self._abort(pending, _R.OUTDATED, outdated(pending, lost))
            return
        self._write_if_acknowledged(pending)

    def _write_if_acknowledged(self, pending: PendingCheckpoint) -> None:
        if not pending.all_acknowledged():
            return
        impossible = partly_finished_union(pending, self._graph)
        if impossible:
            self._abort(pending, _R.INCONSISTENT, checkpoint_failure(impossible))
            return
        pending.phase = Phase.WRITING
        metadata = build_metadata(pending, self._graph, self._lineage_id, self._software_version)
        pending.metadata = metadata
        if pending.directory:
            self._actions.append(WriteMetadata(pending.id, pending.directory, metadata))
        else:
            self._complete(pending, metadata)

    def _metadata_written(self, checkpoint_id: int) -> None:
        pending = self._pending.get(checkpoint_id)
        if pending is None or pending.metadata is None:
            if checkpoint_id in self._abandoned:
                self._actions.append(DeleteDirectory(self._abandoned.pop(checkpoint_id)))
        elif pending.is_recovery_point:
            pending.phase = Phase.KEEPING
            self._actions.append(KeepPointer(pending.id, pending.directory, not pending.is_savepoint))
        else:
            self._complete(pending, pending.metadata)

    def _pointer_kept(self, checkpoint_id: int) -> None:
        pending = self._pending.get(checkpoint_id)
        if pending is not None and pending.metadata is not None and pending.phase is Phase.KEEPING:
            self._complete(pending, pending.metadata)
            self._actions += self._stop.status_changed(self._graph.status)  # a task may have failed meanwhile

    def _complete(self, pending: PendingCheckpoint, metadata: CheckpointMetadata) -> None:
        self._close(pending)
        checkpoint = CompletedCheckpoint(metadata, pending.directory, not pending.is_savepoint)
        self._cleaner.completed(pending, checkpoint)
        self._statistics.completed(checkpoint, self._now)
        if pending.is_recovery_point:
            self._failures.succeeded()
            self._ends.completed(pending)
            subsumed = self._store.add(checkpoint)
            self._notify(pending, True)
            for older in [one for one in self._pending if one.id < pending.id and not one.is_savepoint]:
                self._withdraw(older)
                self._abort(older, _R.SUBSUMED, checkpoint_failure(f"the newer checkpoint {pending.id} is complete"))
            for one in subsumed:
                self._discard(one)
        if not pending.ends_job:
            self._answer(pending.request_id, None, pending.id, pending.directory)
        if pending.mode is SavepointMode.CANCEL:
            self._actions.append(CancelJob())
        elif pending.ends_job:
            self._stop.completed(pending.directory)
            for other in self._pending:
                self._withdraw(other)
                self._abort(other, _R.STOPPING, checkpoint_failure(f"the job stops with savepoint {pending.id}"))

    def _notify(self, pending: PendingCheckpoint, completed: bool) -> None:
        for resource_id, attempts in by_task_manager(running_members(pending.plan, self._graph)).items():
            self._actions.append(NotifyTasks(resource_id, attempts, pending.id, completed))

    def _close(self, pending: PendingCheckpoint) -> None:
        """It is over, one way or the other."""
        self._pending.remove(pending)
        self._timing.ended(self._now)
        self._actions.append(CancelTimer(TimerKind.TIMEOUT, pending.id))

    def _discard(self, checkpoint: CompletedCheckpoint) -> None:
        if checkpoint.directory:
            self._actions.append(RemovePointer(checkpoint.id))
        self._actions += self._cleaner.discard_completed(checkpoint)
        if checkpoint.owned:
            self._statistics.discarded(checkpoint.id)

    # ------------------------------------------------------------------ checkpoints that fail

    def _declined(self, event: Declined) -> None:
        pending = self._pending.get(event.checkpoint_id)
        if pending is None or event.attempt_id not in pending.awaited:
            return
        if self._ends.released_before(pending, event.attempt_id):
            # It has been told that it may finish, and the trigger came too late for it.
            pending.leave({event.attempt_id})
            self._write_if_acknowledged(pending)
        else:
            self._abort(pending, _R.DECLINED, event.failure)

    def _timer_fired(self, event: TimerFired) -> None:
        if event.kind is TimerKind.TRIGGER:
            self._timing.timer_fired()
            return
        pending = self._pending.get(event.checkpoint_id)
        if pending is not None and pending.in_doubt:
            self._withdraw(pending)  # and give it up when that is done
        elif pending is not None:
            self._abort(pending, _R.EXPIRED, expired(pending, self._graph, self._settings.timeout_ms))

    def _storage_failed(self, event: LocationFailed | MetadataFailed) -> None:
        pending = self._pending.get(event.checkpoint_id)
        directory = self._abandoned.pop(event.checkpoint_id, "")
        if pending is not None:
            self._abort(pending, _R.STORAGE, event.failure)
            self._abandoned.pop(event.checkpoint_id, None)
        elif directory:
            self._actions.append(DeleteDirectory(directory))

    def _abort(self, pending: PendingCheckpoint, reason: AbortReason, failure: FailureInfo) -> None:
        """Give a pending checkpoint up: tell its tasks, delete its files, answer its request."""
        self._close(pending)
        if not pending.located or (pending.phase is Phase.WRITING and pending.directory):
            self._abandoned[pending.id] = pending.directory
        self._statistics.failed(pending.id, failure, self._now)
        self._notify(pending, False)
        self._actions += self._cleaner.discard_pending(pending)
        self._answer(pending.request_id, failure, pending.id)
        self._stop.given_up(pending)
        # Its sources have ended and cannot read on; where the job ends anyway there is nothing to mend.
        drained = pending.mode is SavepointMode.DRAIN and pending.phase is not Phase.PREPARING
        if drained and reason is not _R.JOB_ENDED:
            note = f"Savepoint {pending.id}, which the job was to be drained with, failed."
            self._actions.append(FailJob(with_note(failure, note)))
        elif reason.counts and not pending.is_savepoint:
            job_failure = self._failures.failed(pending.id, failure)
            self._actions.append(LogFailure(pending.id, failure) if job_failure is None else FailJob(job_failure))

    def _withdraw(self, pending: PendingCheckpoint) -> None:
        """See to it that no later leader goes on from it, if one might."""
        if pending.phase is Phase.KEEPING:
            pending.phase = Phase.WITHDRAWING
            self._actions.append(RemovePointer(pending.id))

    def _fail_requested(self, why: str) -> None:
        requested, self._requested = self._requested, []
        for request in requested:
            self._answer(request.request_id, checkpoint_failure(f"the checkpoint did not begin: {why}"))

    # ------------------------------------------------------------------ what becomes of tasks and the job

    def _tasks_changed(self) -> None:
        if self._ended is not None:
            return
        self._ends.forget_ended()
        self._actions += self._stop.status_changed(self._graph.status)
        if self._graph.status in (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.SUSPENDED):
            return  # JobEnded is about to come
        broken = not_running(self._graph)
        cause = "" if broken is None else f"task {broken.task_name} is {broken.state.name}"
        if not cause and self._graph.status is not JobStatus.RUNNING:
            cause = f"the job is {self._graph.status.name}"
        for pending in self._pending:
            if pending.in_doubt:
                continue  # it has all that it needs of the tasks
            outdated = any(self._graph.vertex_of_attempt(attempt) is None for attempt in pending.plan.tasks)
            if cause or outdated:
                why = cause or "tasks were started anew"
                self._abort(
                    pending, _R.TASKS_CHANGED, checkpoint_failure(f"checkpoint {pending.id} was given up: {why}")
                )
            elif pending.phase is Phase.TRIGGERED:
                self._some_finished(pending)
        self._ends.forget_replaced()
        if self._graph.restarts != self._restarts:
            self._restarts = self._graph.restarts
            if self._store.latest is not None:
                self._statistics.restored(self._store.latest, self._now)

    def _some_finished(self, pending: PendingCheckpoint) -> None:
        ended = {task for task in pending.awaited if not self._ends.runs(task)}
        unclear = [task for task in sorted(ended) if not self._ends.released_before(pending, task)]
        if unclear:
            name = self._graph.vertex(pending.plan.tasks[unclear[0]]).task_name
            text = f"task {name} finished while checkpoint {pending.id} was under way and has not acknowledged it"
            self._abort(pending, _R.TASKS_CHANGED, checkpoint_failure(text))
            return
        pending.leave(ended)
        unaware = [
            vertex
            for vertex in trigger_tasks(self._graph)
            if vertex.current.attempt_id in pending.awaited and vertex.current.attempt_id not in pending.triggered
        ]
        self._tell_to_begin(pending, unaware)
        self._write_if_acknowledged(pending)

    def _job_ended(self, status: JobStatus) -> None:
        if self._ended is not None:
            return
        self._ended = status
        for pending in self._pending:
            if pending.phase is Phase.KEEPING and not status.is_globally_terminal():
                self._leave(pending, status)
            else:
                self._withdraw(pending)
                self._abort(pending, _R.JOB_ENDED, checkpoint_failure(f"the job has ended ({status.name})"))
        self._fail_requested(f"the job has ended ({status.name})")
        self._actions += self._stop.job_ended(status)
        self._actions.append(CancelTimer(TimerKind.TRIGGER))
        self._ends.clear()
        self._assignments.clear()

    def _leave(self, pending: PendingCheckpoint, status: JobStatus) -> None:
        """Leave it to a later leader, as it is: if its pointer is found the checkpoint is complete, else not."""
        self._close(pending)
        self._cleaner.left(pending)
        text = f"the job is {status.name}: whoever leads it next may go on from checkpoint {pending.id}, or may not"
        self._statistics.failed(pending.id, checkpoint_failure(text), self._now)
        self._answer(pending.request_id, checkpoint_failure(text), pending.id)

    def _result_kept(self) -> None:
        if self._ended is None or not self._ended.is_globally_terminal():
            return  # whoever takes the job up goes on from its checkpoints
        if self._settings.keeps_nothing(self._ended):
            for checkpoint in self._store.clear():
                self._discard(checkpoint)
        self._actions += self._directory.ended(self._ended, self._next_id)
