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
from millstream.common.checkpoint.state_paths import with_absolute_paths
from millstream.common.failure import FailureInfo
from millstream.common.ids import AttemptId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, CheckpointOptions, JobCheckpoints, TaskRestore
from millstream.jobmanager.checkpoint.actions import (
    CancelJob,
    CancelTimer,
    CheckpointAction,
    CompleteRequest,
    DeleteDirectory,
    DeleteEmptyDirectories,
    DeleteJobDirectory,
    DeleteLeftCheckpoints,
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
    with_note,
)
from millstream.jobmanager.checkpoint.checkpoint_metadata import (
    build_metadata,
    partly_finished_union,
)
from millstream.jobmanager.checkpoint.checkpoint_plan import by_task_manager, make_plan, not_running, trigger_tasks
from millstream.jobmanager.checkpoint.checkpoint_statistics import CheckpointStatisticsTracker
from millstream.jobmanager.checkpoint.completed_checkpoint import CHECKPOINT, CompletedCheckpoint
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
from millstream.jobmanager.checkpoint.pending_checkpoint import PendingCheckpoint, Phase
from millstream.jobmanager.checkpoint.referenced_files import ids_in, resolved_snapshot
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from millstream.jobmanager.checkpoint.snapshot_matching import SnapshotOrigin, pin_max_parallelism
from millstream.jobmanager.checkpoint.state_assignment import assign_state
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
        self._pending: dict[int, PendingCheckpoint] = {}  # by id, ascending
        self._store = CompletedCheckpointStore(settings.num_retained)
        self._cleaner = CheckpointCleaner()
        self._failures = CheckpointFailureCounter(settings.tolerable_failures)
        self._statistics = CheckpointStatisticsTracker(settings.enabled, settings.history_size)
        self._timing = TriggerTiming(settings.interval_ms or 0, settings.min_pause_ms)
        # Checkpoints that users want and that wait until there may be one more.
        self._requested: list[CheckpointRequested] = []
        # The savepoint that the job stops or is cancelled with: pending, or complete. No others begin meanwhile.
        self._stopping: PendingCheckpoint | None = None
        # Where it is, when it is complete; its request is answered when the job has ended.
        self._stopped_at = ""
        # Checkpoints that were given up while the shell was making their directory, or writing into it.
        self._abandoned: dict[int, str] = {}
        # Attempts that have processed all of their input, and those of them that may finish, because a checkpoint with
        # this id says so and is complete.
        self._end_of_data: set[AttemptId] = set()
        self._released: dict[AttemptId, int] = {}
        self._restarts = graph.restarts
        self._assignment: tuple[object, dict[ExecutionVertexID, TaskRestore]] | None = None
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
                    self._abort(pending, _R.EXPIRED, checkpoint_failure(self._expired_text(pending)))
            case EndOfDataReported():
                if self._runs(event.attempt_id):
                    self._end_of_data.add(event.attempt_id)
            case CheckpointRequested():
                self._checkpoint_requested(event)
            case SavepointRequested():
                self._savepoint_requested(event)
            case CheckpointsRecovered():
                self._recover(event)
            case CheckpointRestored():
                owned = event.claim_mode is ClaimMode.CLAIM
                self._begin_from([_completed(event.metadata, event.directory, owned)])
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
        if latest is None:
            return None
        shape = (latest.id, *(job_vertex.parallelism for job_vertex in self._graph.job_vertices.values()))
        if self._assignment is None or self._assignment[0] != shape:
            self._assignment = (shape, self._assign(latest))
        return self._assignment[1][vertex_id]

    def statistics(self) -> JobCheckpoints:
        """Return what is known of the job's checkpoints."""
        return self._statistics.snapshot()

    @property
    def latest_completed(self) -> CompletedCheckpoint | None:
        """The checkpoint that tasks are restored from."""
        return self._store.latest

    @property
    def in_doubt(self) -> bool:
        """Nobody can tell (yet) which checkpoint a later leader would go on from: no task may be restored now."""
        return any(pending.in_doubt for pending in self._pending.values())

    @property
    def pending_ids(self) -> list[int]:
        """The checkpoints that are under way, oldest first."""
        return list(self._pending)

    # ------------------------------------------------------------------ restoring

    def _recover(self, event: CheckpointsRecovered) -> None:
        self._next_id = max(self._next_id, event.next_id)
        checkpoints = [_completed(one.metadata, one.directory, one.owned) for one in event.checkpoints]
        if checkpoints:
            self._begin_from(checkpoints)
        own = self._own_directory
        if own and event.next_id > 1:
            # What earlier leaders had begun when they died is no use to anybody, and nobody else knows of it.
            kept = set(event.unreadable).union(*(ids_in(one.metadata, one.directory) for one in checkpoints))
            self._actions.append(DeleteLeftCheckpoints(own, event.next_id, tuple(sorted(kept))))

    @property
    def _own_directory(self) -> str:
        """The directory in which all checkpoints with ids that leaders of this job have given are this job's; empty:
        there is none.
        """
        job_id = self._graph.job_id
        return "" if self._settings.shares_directory(job_id) else self._settings.directory_of(job_id)

    def _begin_from(self, checkpoints: list[CompletedCheckpoint]) -> None:
        """Go on from the last of these."""
        latest = checkpoints[-1]
        pin_max_parallelism(latest.metadata, self._graph, _origin(latest))
        self._assign(latest)
        # All are known before any is deleted: they may share files.
        for checkpoint in checkpoints:
            self._cleaner.restored(checkpoint.metadata, checkpoint.owned)
        for checkpoint in checkpoints:
            for subsumed in self._store.add(checkpoint):
                self._discard(subsumed)
        self._next_id = max(self._next_id, latest.id + 1)
        self._lineage_id = latest.metadata.lineage_id or latest.metadata.job_id
        self._statistics.restored(latest, self._now)

    def _assign(self, checkpoint: CompletedCheckpoint) -> dict[ExecutionVertexID, TaskRestore]:
        return assign_state(checkpoint.metadata, self._graph, _origin(checkpoint), self._settings.allow_unclaimed_state)

    # ------------------------------------------------------------------ requests

    def _checkpoint_requested(self, event: CheckpointRequested) -> None:
        refusal = self._refusal()
        if refusal:
            self._answer(event.request_id, checkpoint_failure(f"there can be no checkpoint now: {refusal}"))
        else:
            self._requested.append(event)

    def _savepoint_requested(self, event: SavepointRequested) -> None:
        refusal = self._refusal()
        base = event.directory or self._settings.savepoint_directory
        if not refusal and not base:
            refusal = "it names no directory and execution.checkpointing.savepoint-dir is not set; set it, or name one"
        if refusal:
            self._answer(event.request_id, checkpoint_failure(f"there can be no savepoint now: {refusal}"))
            return
        kind = SavepointMode.SAVEPOINT if event.mode is SavepointMode.CANCEL else event.mode
        options = CheckpointOptions(
            kind=kind.value,
            alignment="ALIGNED" if self._settings.exactly_once else "AT_LEAST_ONCE",
            format=event.format,
            full=True,
        )
        pending = self._begin(event.mode, event.request_id, options, base)
        if event.mode is not SavepointMode.SAVEPOINT:
            self._stopping = pending

    def _refusal(self) -> str:
        """Why there can be no checkpoint now; empty: there can."""
        if self._ended is not None:
            return f"job {self._graph.job_id} has ended ({self._ended.name})"
        if self._stopping is not None:
            return f"job {self._graph.job_id} is being stopped with savepoint {self._stopping.id}"
        if self._graph.status is not JobStatus.RUNNING:
            return f"job {self._graph.job_id} is {self._graph.status.name}, not RUNNING"
        vertex = not_running(self._graph)
        if vertex is not None:
            return f"not all tasks run: {vertex.task_name} is {vertex.state.name}. Try again when they do"
        if self._graph.all_finished():
            return f"all tasks of job {self._graph.job_id} have finished"
        return ""

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
        running = {vertex.current.attempt_id for vertex in self._graph.vertices() if _is_running(vertex)}
        while active and running and self._requested and self._stopping is None and self._has_room():
            request = self._requested.pop(0)
            self._begin_checkpoint(request.request_id, request.full)
        periodic = (
            active
            and self._settings.enabled
            and self._stopping is None
            and (self._settings.after_tasks_finish or len(running) == sum(1 for _ in self._graph.vertices()))
            and not running <= self._released.keys()
        )
        self._timing.watch(periodic, self._settings.after_tasks_finish and running <= self._end_of_data, self._now)
        if periodic and self._may_follow() and self._timing.is_due(self._now):
            self._begin_checkpoint("", False)
        self._trigger_located()
        change = self._timing.timer(self._now) if periodic and self._may_follow() else self._timing.no_timer()
        if change is not None:
            delay_ms = change.delay_ms
            self._actions.append(
                CancelTimer(TimerKind.TRIGGER) if delay_ms is None else SetTimer(TimerKind.TRIGGER, delay_ms)
            )

    def _has_room(self) -> bool:
        """Whether a checkpoint may join those under way. None overtakes a savepoint: tasks that hear that a newer one
        is complete write nothing more for older ones.
        """
        pending = self._pending.values()
        return len(pending) < self._settings.max_concurrent and not any(one.is_savepoint for one in pending)

    def _may_follow(self) -> bool:
        """Whether a periodic checkpoint may join those under way. If one of them is final, none is needed."""
        return self._has_room() and not any(
            pending.final and pending.is_recovery_point for pending in self._pending.values()
        )

    def _begin_checkpoint(self, request_id: str, full: bool) -> None:
        latest = self._store.latest
        settings = self._settings
        alignment = "AT_LEAST_ONCE"
        if settings.exactly_once:
            alignment = "UNALIGNED" if settings.unaligned and not settings.aligned_timeout_ms else "ALIGNED"
        options = CheckpointOptions(
            kind=CHECKPOINT,
            alignment=alignment,
            aligned_timeout_ms=settings.aligned_timeout_ms if settings.unaligned else 0,
            format="NATIVE",
            # Nothing may depend on the files of a snapshot that belongs to somebody else.
            full=full or (latest is not None and not latest.owned),
        )
        self._begin(None, request_id, options, settings.directory)

    def _begin(
        self, mode: SavepointMode | None, request_id: str, options: CheckpointOptions, base: str
    ) -> PendingCheckpoint:
        options.trigger_timestamp_ms = self._now
        pending = PendingCheckpoint(self._next_id, mode, request_id, options)
        self._next_id += 1
        pending.final = all(task in self._end_of_data for task in make_plan(self._graph).tasks)
        self._pending[pending.id] = pending
        self._timing.began(self._now)
        self._statistics.began(pending)
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
        for pending in list(self._pending.values()):
            if not pending.located:
                return
            if pending.phase is Phase.PREPARING:
                self._trigger(pending)

    def _trigger(self, pending: PendingCheckpoint) -> None:
        pending.begin(make_plan(self._graph), self._end_of_data)
        self._statistics.triggered(pending)
        self._tell_to_begin(pending, (self._graph.vertex(pending.plan.tasks[task]) for task in pending.plan.triggered))
        self._write_if_acknowledged(pending)

    def _tell_to_begin(self, pending: PendingCheckpoint, vertices: Iterable[ExecutionVertex]) -> None:
        for resource_id, attempts in by_task_manager(vertices).items():
            pending.triggered.update(attempts)
            self._actions.append(TriggerTasks(resource_id, attempts, pending.id, pending.options))

    def _acknowledged(self, event: Acknowledged) -> None:
        pending = self._pending.get(event.checkpoint_id)
        if pending is not None and event.attempt_id in pending.snapshots:
            return  # it came twice
        if (
            pending is None
            or not pending.is_missing(event.attempt_id)
            or self._graph.vertex_of_attempt(event.attempt_id) is None
        ):
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
            self._abort(
                pending,
                _R.OUTDATED,
                checkpoint_failure(
                    f"checkpoint {pending.id} refers to {lost}, which was deleted with the checkpoint that had it, or "
                    "is not the job's own: a task had not heard yet of a newer checkpoint. The next one will not do so"
                ),
            )
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
            self._stop_failed()  # a task may have failed while it was in doubt

    def _complete(self, pending: PendingCheckpoint, metadata: CheckpointMetadata) -> None:
        self._close(pending)
        checkpoint = CompletedCheckpoint(metadata, pending.directory, not pending.is_savepoint)
        self._cleaner.completed(pending, checkpoint)
        self._statistics.completed(checkpoint, self._now)
        if pending.is_recovery_point:
            self._failures.succeeded()
            for task, snapshot in pending.snapshots.items():
                if snapshot.finished:
                    self._released.setdefault(task, pending.id)
            subsumed = self._store.add(checkpoint)
            self._notify(pending, True)
            for older in [one for one in self._pending.values() if one.id < pending.id and not one.is_savepoint]:
                self._withdraw(older)
                self._abort(
                    older, _R.SUBSUMED, checkpoint_failure(f"checkpoint {pending.id}, a newer one, is complete")
                )
            for one in subsumed:
                self._discard(one)
        if not pending.ends_job:
            self._answer(pending.request_id, None, pending.id, pending.directory)
        if pending.mode is SavepointMode.CANCEL:
            self._actions.append(CancelJob())
        elif pending.ends_job:
            self._stopped_at = pending.directory
            for other in list(self._pending.values()):
                self._withdraw(other)
                self._abort(other, _R.STOPPING, checkpoint_failure(f"the job stops with savepoint {pending.id}"))

    def _notify(self, pending: PendingCheckpoint, completed: bool) -> None:
        vertices = map(self._graph.vertex_of_attempt, pending.plan.tasks)
        running = [vertex for vertex in vertices if vertex is not None and _is_running(vertex)]
        for resource_id, attempts in by_task_manager(running).items():
            self._actions.append(NotifyTasks(resource_id, attempts, pending.id, completed))

    def _close(self, pending: PendingCheckpoint) -> None:
        """It is over, one way or the other."""
        del self._pending[pending.id]
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
        if self._ended_before(pending, event.attempt_id):
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
            self._abort(pending, _R.EXPIRED, checkpoint_failure(self._expired_text(pending)))

    def _expired_text(self, pending: PendingCheckpoint) -> str:
        begin = (
            f"checkpoint {pending.id} was not complete after {self._settings.timeout_ms} ms "
            "(execution.checkpointing.timeout): "
        )
        if pending.phase is Phase.PREPARING:
            return f"{begin}its directory, or that of one before it, was still being made"
        if pending.phase is Phase.WRITING:
            return f"{begin}its metadata was still being written into {pending.directory}"
        if pending.in_doubt:
            return f"{begin}nobody could tell whether its pointer was kept for later leaders, so it was removed"
        missing = [
            self._graph.vertex(subtask).task_name
            for task, subtask in pending.plan.tasks.items()
            if task in pending.awaited
        ]
        names = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")
        return f"{begin}{len(missing)} of {len(pending.plan.tasks)} tasks had not acknowledged it: {names}"

    def _storage_failed(self, event: LocationFailed | MetadataFailed) -> None:
        pending = self._pending.get(event.checkpoint_id)
        if pending is not None:
            self._abort(pending, _R.STORAGE, event.failure)
            self._abandoned.pop(event.checkpoint_id, None)
        elif self._abandoned.get(event.checkpoint_id):
            self._actions.append(DeleteDirectory(self._abandoned[event.checkpoint_id]))
        self._abandoned.pop(event.checkpoint_id, None)

    def _abort(self, pending: PendingCheckpoint, reason: AbortReason, failure: FailureInfo) -> None:
        """Give a pending checkpoint up: tell its tasks, delete its files, answer its request."""
        self._close(pending)
        if not pending.located or (pending.phase is Phase.WRITING and pending.directory):
            self._abandoned[pending.id] = pending.directory
        self._statistics.failed(pending.id, failure, self._now)
        self._notify(pending, False)
        self._actions += self._cleaner.discard_pending(pending)
        self._answer(pending.request_id, failure, pending.id)
        if pending is self._stopping:
            self._stopping = None
        # Its sources have ended and cannot read on; where the job ends anyway there is nothing to mend.
        drained = pending.mode is SavepointMode.DRAIN and pending.phase is not Phase.PREPARING
        if drained and reason is not _R.JOB_ENDED:
            self._actions.append(
                FailJob(with_note(failure, f"Savepoint {pending.id}, which the job was to be drained with, failed."))
            )
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

    def _runs(self, attempt_id: AttemptId) -> bool:
        vertex = self._graph.vertex_of_attempt(attempt_id)
        return vertex is not None and not vertex.state.is_terminal()

    def _tasks_changed(self) -> None:
        if self._ended is not None:
            return
        self._end_of_data = set(filter(self._runs, self._end_of_data))
        self._stop_failed()
        if self._graph.status in (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.SUSPENDED):
            return  # JobEnded is about to come
        broken = not_running(self._graph)
        cause = "" if broken is None else f"task {broken.task_name} is {broken.state.name}"
        if not cause and self._graph.status is not JobStatus.RUNNING:
            cause = f"the job is {self._graph.status.name}"
        for pending in list(self._pending.values()):
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
        self._released = {
            task: by for task, by in self._released.items() if self._graph.vertex_of_attempt(task) is not None
        }
        if self._graph.restarts != self._restarts:
            self._restarts = self._graph.restarts
            if self._store.latest is not None:
                self._statistics.restored(self._store.latest, self._now)

    def _some_finished(self, pending: PendingCheckpoint) -> None:
        ended = {task for task in pending.awaited if not self._runs(task)}
        unclear = [task for task in sorted(ended) if not self._ended_before(pending, task)]
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

    def _ended_before(self, pending: PendingCheckpoint, attempt_id: AttemptId) -> bool:
        """A checkpoint that began earlier and is complete says that the task had nothing left to do."""
        return self._released.get(attempt_id, pending.id) < pending.id

    def _stop_failed(self) -> None:
        """If a task fails after the savepoint that the job stops with: go on from the savepoint, with all tasks."""
        stopping = self._stopping
        if not self._stopped_at or stopping is None:
            return
        if self._graph.status in (JobStatus.RESTARTING, JobStatus.FAILING):
            failure = self._stopping_failure(stopping, "failed while it stopped, and is restarted from it if it may be")
            self._answer(stopping.request_id, failure, stopping.id)
            if self._graph.status is JobStatus.RESTARTING:
                self._actions.append(FailJob(failure))
            self._stopping, self._stopped_at = None, ""

    def _stopping_failure(self, stopping: PendingCheckpoint, what: str) -> FailureInfo:
        return checkpoint_failure(
            f"savepoint {stopping.id} is complete ({self._stopped_at}), but job {self._graph.job_id} {what}. What its "
            "sinks were to commit may not be committed yet; a job that begins from the savepoint commits it"
        )

    def _job_ended(self, status: JobStatus) -> None:
        if self._ended is not None:
            return
        self._ended = status
        for pending in list(self._pending.values()):
            if pending.phase is Phase.KEEPING and not status.is_globally_terminal():
                self._leave(pending, status)
            else:
                self._withdraw(pending)
                self._abort(pending, _R.JOB_ENDED, checkpoint_failure(f"the job has ended ({status.name})"))
        self._fail_requested(f"the job has ended ({status.name})")
        stopping = self._stopping
        if stopping is not None and self._stopped_at:
            failed = status is not JobStatus.FINISHED
            failure = self._stopping_failure(stopping, f"ended as {status.name}") if failed else None
            self._answer(stopping.request_id, failure, stopping.id, "" if failed else self._stopped_at)
        self._actions.append(CancelTimer(TimerKind.TRIGGER))
        self._end_of_data.clear()
        self._released.clear()
        self._assignment = None

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
        nothing = self._settings.keeps_nothing(self._ended)
        if nothing:
            for checkpoint in self._store.clear():
                self._discard(checkpoint)
        directory = self._settings.directory_of(self._graph.job_id)
        if directory:
            # Leaders that died have left behind what they had no time to delete: nobody else knows of it.
            own = nothing and self._own_directory
            self._actions.append(
                DeleteJobDirectory(directory, self._next_id) if own else DeleteEmptyDirectories(directory)
            )


def _is_running(vertex: ExecutionVertex) -> bool:
    return vertex.state is ExecutionState.RUNNING


def _completed(metadata: CheckpointMetadata, directory: str, owned: bool) -> CompletedCheckpoint:
    return CompletedCheckpoint(with_absolute_paths(metadata, directory), directory.rstrip("/"), owned)


def _origin(checkpoint: CompletedCheckpoint) -> SnapshotOrigin:
    return SnapshotOrigin(checkpoint.metadata.kind, checkpoint.id, checkpoint.directory)
