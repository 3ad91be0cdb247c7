"""Runs the :class:`~millstream.jobmanager.checkpoint.coordinator.CheckpointCoordinator` of one job.

The shell around that state machine, as the JobMaster is the scheduler's: it keeps its timers, carries out what it
wants of files in threads, what it wants of tasks and of the job by way of the JobMaster, what later leaders must know
in its term, and answers those who wait for a checkpoint. The coordinator is never entered twice, and neither files nor
ZooKeeper ever hold up the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar
from urllib.parse import quote

from millstream.common.clock import Clock
from millstream.common.config import Configuration, StateOptions
from millstream.common.errors import MillstreamError
from millstream.common.failure import ENGINE, FailureInfo, engine_failure, first_line
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.leadership import Leadership, LeadershipLostError
from millstream.common.ids import AttemptId, IdFactory, JobID, ResourceId
from millstream.common.states import JobStatus
from millstream.common.version import VERSION
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions, JobCheckpoints, TaskRestore
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.checkpoint.actions import (
    CancelJob,
    CancelTimer,
    CheckpointAction,
    CompleteRequest,
    DeleteDirectory,
    DeleteEmptyDirectories,
    DeleteFiles,
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
from millstream.jobmanager.checkpoint.coordinator import CheckpointCoordinator
from millstream.jobmanager.checkpoint.events import (
    CheckpointEvent,
    CheckpointRequested,
    ClaimMode,
    Declined,
    JobEnded,
    LocationFailed,
    MetadataFailed,
    MetadataWritten,
    PointerKept,
    PointerNotKept,
    PointerRemoved,
    ResultKept,
    SavepointMode,
    SavepointRequested,
    TimerFired,
)
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from millstream.jobmanager.checkpoint.snapshot_matching import SnapshotOrigin
from millstream.jobmanager.checkpoint.state_assignment import assign_state
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertexID
from millstream.jobmanager.job_master.checkpoint_files import CheckpointFiles
from millstream.jobmanager.job_master.checkpoint_publication import CheckpointPublication
from millstream.jobmanager.job_master.checkpoint_recovery import CheckpointRecovery
from millstream.jobmanager.job_master.deletion_queue import DeletionQueue

__all__ = ["CheckpointService", "CheckpointedJob", "failed_operation"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_IO_THREADS: Final = 4

_ID_RESERVED: Final = FaultPoint("checkpoint.id-reserved", "a checkpoint's id is reserved, its directory is not made")
_LOCATED: Final = FaultPoint("checkpoint.directory-made", "a checkpoint's directory is made, no task was told to begin")
_ACKNOWLEDGED: Final = FaultPoint(
    "checkpoint.acknowledged", "all tasks have acknowledged a checkpoint, its metadata is not written"
)
_METADATA_WRITTEN: Final = FaultPoint(
    "checkpoint.metadata-written", "a checkpoint's metadata is written, its pointer is not kept"
)
_POINTER_KEPT: Final = FaultPoint("checkpoint.pointer-kept", "a checkpoint's pointer is kept, no task was told")
_RESTORED: Final = FaultPoint("jobmaster.restored", "it is known what a job begins from, nothing of it is deployed")


class CheckpointedJob(Protocol):
    """The job, as its checkpoints know it."""

    def trigger_tasks(
        self,
        resource_id: ResourceId,
        attempt_ids: tuple[AttemptId, ...],
        checkpoint_id: int,
        options: CheckpointOptions,
    ) -> None:
        """Have tasks begin a checkpoint."""
        ...

    def notify_tasks(
        self, resource_id: ResourceId, attempt_ids: tuple[AttemptId, ...], checkpoint_id: int, completed: bool
    ) -> None:
        """Tell tasks what became of a checkpoint."""
        ...

    def fail_job(self, failure: FailureInfo) -> None:
        """Restart the job, if it may be restarted."""
        ...

    def cancel_job(self) -> None:
        """Cancel the job."""
        ...

    def restore_decided(self) -> None:
        """It was in doubt what tasks are restored from (``restore_in_doubt``), and is no longer."""
        ...


class CheckpointService:
    """Takes the checkpoints of one job. All methods belong to the event loop.

    :param settings: the job's settings over those of the cluster.
    :param leadership: the term in which it takes them.
    :raises ConfigurationError: settings of checkpoints contradict each other.
    """

    def __init__(
        self,
        graph: ExecutionGraph,
        job: CheckpointedJob,
        clock: Clock,
        settings: Configuration,
        ids: IdFactory,
        leadership: Leadership,
    ) -> None:
        self._job_id = graph.job_id
        self._job = job
        self._clock = clock
        self._ids = ids
        self._recovery_path = settings.get(StateOptions.RECOVERY_PATH)
        claimed = settings.get(StateOptions.RECOVERY_CLAIM_MODE) == "CLAIM"
        self._claim_mode = ClaimMode.CLAIM if claimed else ClaimMode.NO_CLAIM
        self._coordinator = CheckpointCoordinator(graph, CheckpointSettings.from_configuration(settings), VERSION)
        self._files = CheckpointFiles(self._job_id, settings, ids)
        self._threads: ThreadPoolExecutor | None = None
        self._io = BackgroundTasks(f"checkpoints of job {self._job_id}")
        self._pointers = leadership.checkpoints(self._job_id)
        self._reserving = asyncio.Lock()  # who waits first is first: ids grow
        self._publication = CheckpointPublication(self._job_id, self._pointers, self._io, self._published)
        self._deletions = DeletionQueue(self._job_id, self._pointers, self._io, self._pointer_removed)
        self._timers: dict[tuple[TimerKind, int], asyncio.TimerHandle] = {}
        self._events: deque[CheckpointEvent] = deque()
        self._active = False
        self._wishes: deque[FailJob | CancelJob] = deque()
        self._logged_completed = (0, 0)  # ids of the checkpoint and the savepoint that were told last
        self._requests: dict[str, asyncio.Future[pb.OperationStatus]] = {}
        self._closed = False
        self.has_left_files = False
        """Files are there that should be deleted: :meth:`close` could not wait for them."""

    async def restore(self, on_trouble: Callable[[Exception], None]) -> None:
        """Find the snapshot that the job is to begin from: the newest that it has completed under an earlier leader, or
        else the one that its user names (``-s``), if any. Trouble that may pass is waited out.

        :param on_trouble: is told of it.
        :raises LeadershipLostError: another leads the job by now.
        :raises MillstreamError: the snapshot is not there, cannot be read, or does not fit the job.
        """
        recovery = self._recovery(on_trouble)
        recovered = await recovery.recover()
        self.handle(recovered)
        if recovered.checkpoints:
            latest = recovered.checkpoints[-1]
            logger.info(
                "Job %s goes on from checkpoint %d (%s)", self._job_id, latest.metadata.checkpoint_id, latest.directory
            )
        elif self._recovery_path:
            await self._begin_from(self._recovery_path, recovery)
        _RESTORED.reach()

    async def _begin_from(self, path: str, recovery: CheckpointRecovery) -> None:
        restored = await recovery.begin_from(path, self._claim_mode)
        logger.info(
            "Job %s begins from checkpoint %d of job %s (%s)",
            self._job_id,
            restored.metadata.checkpoint_id,
            restored.metadata.job_id,
            restored.directory,
        )
        self.handle(restored)
        owned = restored.claim_mode is ClaimMode.CLAIM
        await recovery.keep(CheckpointPointer(restored.metadata.checkpoint_id, restored.directory.rstrip("/"), owned))

    async def end_as(self, status: JobStatus) -> None:
        """Do what is left to do after the end of the job under an earlier leader, whose result is kept. Instead of
        :meth:`restore`; :meth:`close` must follow.

        :raises LeadershipLostError: it is another's to do.
        :raises MillstreamError: it cannot be done.
        """
        self.handle(await self._recovery(lambda _: None).recover(has_ended=True))
        self.handle(JobEnded(status))
        self.handle(ResultKept())
        await self._deletions.join()

    def _recovery(self, on_trouble: Callable[[Exception], None]) -> CheckpointRecovery:
        return CheckpointRecovery(self._job_id, self._pointers, self._files, self._in_thread, on_trouble)

    def restore_of(self, vertex_id: ExecutionVertexID) -> TaskRestore | None:
        """Return the state that a subtask begins with when it is deployed now."""
        return self._coordinator.restore_of(vertex_id)

    def restore_in_doubt(self) -> bool:
        """Nobody can tell (yet) which checkpoint a later leader would go on from: no task may be restored now."""
        return self._coordinator.in_doubt

    def check_rescaling(self, graph: ExecutionGraph) -> None:
        """Find out whether the job could go on from its latest checkpoint in another shape.

        :param graph: the job in that shape.
        :raises StateRecoveryError: it could not.
        """
        latest = self._coordinator.latest_completed
        if latest is not None:
            origin = SnapshotOrigin(latest.metadata.kind, latest.id, latest.directory)
            assign_state(latest.metadata, graph, origin, allow_unclaimed=True)

    def statistics(self) -> JobCheckpoints:
        """Return what is known of the job's checkpoints."""
        result = self._coordinator.statistics()
        result.restored_path = _shown(result.restored_path)
        for entry in (result.latest_completed, result.latest_savepoint, *result.history):
            if entry.external_path:
                entry.external_path = _shown(entry.external_path)
        return result

    @property
    def overview(self) -> JobCheckpoints:
        """Counts of the job's checkpoints and the latest of them; not to be changed."""
        return self._coordinator.overview

    async def checkpoint(self, *, full: bool = False) -> pb.OperationStatus:
        """Take a checkpoint now and return what became of it."""
        return await self._request(lambda request_id: CheckpointRequested(request_id, full))

    async def savepoint(self, directory: str, mode: SavepointMode, format_name: str) -> pb.OperationStatus:
        """Take a savepoint now and return what became of it; with STOP and DRAIN, when the job has ended after it."""
        return await self._request(lambda request_id: SavepointRequested(request_id, directory, mode, format_name))

    def declined(self, attempt_ids: Iterable[AttemptId], checkpoint_id: int, failure: FailureInfo) -> None:
        """These tasks cannot take part in a checkpoint."""
        for attempt_id in attempt_ids:
            self.handle(Declined(attempt_id, checkpoint_id, failure))

    async def close(self, goodbye_seconds: float) -> None:
        """Wait a while for files to be written and deleted, and let go of everything. May be called twice.

        :param goodbye_seconds: how long a while is.
        """
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for request in self._requests.values():
            if not request.done():
                request.set_result(_ended(self._job_id))
        try:
            await asyncio.wait_for(self._deletions.join(), goodbye_seconds)
            self._deletions.stop()
            await self._io.drain(goodbye_seconds)
        except asyncio.TimeoutError:
            self.has_left_files = True
            logger.warning("Job %s has not deleted all files of its checkpoints: its storage is slow", self._job_id)
        await self._io.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    # ------------------------------------------------------------------ the machine

    def handle(self, event: CheckpointEvent) -> None:
        """Tell the coordinator of an event and carry out what it wants.

        What it wants of the job comes last, so that the scheduler's step is never within one of the coordinator's.

        :raises StateRecoveryError: the job cannot begin from the snapshot that was given.
        """
        self._events.append(event)
        if self._active:
            return
        self._active = True
        was_in_doubt = self._coordinator.in_doubt
        try:
            while self._events:
                for action in self._coordinator.handle(self._events.popleft(), self._clock.now_ms()):
                    self._carry_out(action)
                self._log_completed()
        finally:
            self._active = False
        decided = was_in_doubt and not self._coordinator.in_doubt
        while self._wishes:
            wish = self._wishes.popleft()
            if isinstance(wish, FailJob):
                self._job.fail_job(wish.failure)
            else:
                self._job.cancel_job()
        if decided:
            self._job.restore_decided()

    def _carry_out(self, action: CheckpointAction) -> None:
        match action:
            case SetTimer():
                self._cancel_timer(action.kind, action.checkpoint_id)
                if not self._closed:
                    self._timers[action.kind, action.checkpoint_id] = asyncio.get_running_loop().call_later(
                        action.delay_ms / 1000, self._timer_fired, action.kind, action.checkpoint_id
                    )
            case CancelTimer():
                self._cancel_timer(action.kind, action.checkpoint_id)
            case TriggerTasks():
                self._job.trigger_tasks(action.resource_id, action.attempt_ids, action.checkpoint_id, action.options)
            case NotifyTasks():
                self._job.notify_tasks(action.resource_id, action.attempt_ids, action.checkpoint_id, action.completed)
            case PrepareLocation():
                self._io.spawn(self._prepare(action), f"prepare checkpoint {action.checkpoint_id}")
            case WriteMetadata():
                _ACKNOWLEDGED.reach()
                self._io.spawn(self._write(action), f"complete checkpoint {action.checkpoint_id}")
            case KeepPointer():
                self._publication.keep(CheckpointPointer(action.checkpoint_id, action.directory, action.owned))
            case RemovePointer():
                checkpoint_id = action.checkpoint_id
                self._deletions.remove_pointer(checkpoint_id, self._publication.under_way(checkpoint_id))
            case DeleteFiles():
                paths = action.paths
                self._delete(f"{len(paths)} files", lambda: self._files.delete_files(paths))
            case DeleteDirectory():
                directory = action.directory
                self._delete(directory, lambda: self._files.delete_directory(directory))
            case DeleteEmptyDirectories():
                directory = action.directory
                self._delete(directory, lambda: self._files.delete_empty_directories(directory))
            case DeleteLeftCheckpoints():
                left = action
                self._delete(
                    f"what earlier leaders left in {left.directory}",
                    lambda: self._files.delete_left_checkpoints(left.directory, left.before, left.kept),
                )
            case DeleteJobDirectory():
                directory, before = action.directory, action.before
                self._delete(directory, lambda: self._files.delete_job_directory(directory, before))
            case LogFailure():
                logger.warning(
                    "Checkpoint %d of job %s failed: %s",
                    action.checkpoint_id,
                    self._job_id,
                    first_line(action.failure),
                )
            case FailJob() | CancelJob():
                self._wishes.append(action)
            case CompleteRequest():
                self._complete(action)

    def _log_completed(self) -> None:
        overview = self._coordinator.overview
        latest = overview.latest_completed, overview.latest_savepoint
        for entry, logged in zip(latest, self._logged_completed, strict=True):
            if entry.checkpoint_id != logged:
                logger.info(
                    "%s %d of job %s is complete: %d bytes of state after %d ms%s",
                    "Checkpoint" if entry is latest[0] else "Savepoint",
                    entry.checkpoint_id,
                    self._job_id,
                    entry.state_size,
                    entry.duration_ms,
                    f" in {entry.external_path}" if entry.external_path else "",
                )
        self._logged_completed = (latest[0].checkpoint_id, latest[1].checkpoint_id)

    def _timer_fired(self, kind: TimerKind, checkpoint_id: int) -> None:
        del self._timers[kind, checkpoint_id]
        self.handle(TimerFired(kind, checkpoint_id))

    def _cancel_timer(self, kind: TimerKind, checkpoint_id: int) -> None:
        timer = self._timers.pop((kind, checkpoint_id), None)
        if timer is not None:
            timer.cancel()

    # ------------------------------------------------------------------ requests

    async def _request(self, event_of: Callable[[str], CheckpointEvent]) -> pb.OperationStatus:
        if self._closed:
            return _ended(self._job_id)
        request_id = self._ids.hex(32)
        answer: asyncio.Future[pb.OperationStatus] = asyncio.get_running_loop().create_future()
        self._requests[request_id] = answer
        try:
            self.handle(event_of(request_id))
            return await answer
        finally:
            del self._requests[request_id]

    def _complete(self, action: CompleteRequest) -> None:
        answer = self._requests.get(action.request_id)
        if answer is not None and not answer.done():
            answer.set_result(
                pb.OperationStatus(
                    completed=True,
                    location=_shown(action.location),
                    checkpoint_id=action.checkpoint_id,
                    failure=action.failure,
                )
            )

    # ------------------------------------------------------------------ files

    async def _prepare(self, action: PrepareLocation) -> None:
        checkpoint_id = action.checkpoint_id
        try:
            async with self._reserving:
                await self._pointers.reserve(checkpoint_id)
            _ID_RESERVED.reach()
            prepared = await self._in_thread(
                lambda: self._files.prepare(checkpoint_id, action.base_directory, savepoint=action.savepoint)
            )
            _LOCATED.reach()
        except LeadershipLostError as error:
            logger.info("Job %s begins no checkpoint %d: %s", self._job_id, checkpoint_id, error)
        except (MillstreamError, OSError) as error:
            what = "savepoint" if action.savepoint else "checkpoint"
            failure = _io_failure(f"the directory of {what} {checkpoint_id} cannot be made", error)
            self.handle(LocationFailed(checkpoint_id, failure))
        else:
            self.handle(prepared)

    async def _write(self, action: WriteMetadata) -> None:
        checkpoint_id = action.checkpoint_id
        try:
            await self._in_thread(lambda: self._files.write(action.directory, action.metadata))
            _METADATA_WRITTEN.reach()
        except (MillstreamError, OSError) as error:
            failure = _io_failure(f"the metadata of checkpoint {checkpoint_id} cannot be written", error)
            self.handle(MetadataFailed(checkpoint_id, failure))
        else:
            self.handle(MetadataWritten(checkpoint_id))

    def _published(self, outcome: PointerKept | PointerNotKept) -> None:
        if isinstance(outcome, PointerKept):
            _POINTER_KEPT.reach()
        self.handle(outcome)

    def _pointer_removed(self, checkpoint_id: int) -> None:
        self.handle(PointerRemoved(checkpoint_id))

    def _delete(self, what: str, deletion: Callable[[], None]) -> None:
        self._deletions.delete(what, lambda: self._in_thread(deletion))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_IO_THREADS, thread_name_prefix=f"checkpoints-{self._job_id[:6]}")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _io_failure(what: str, error: MillstreamError | OSError) -> FailureInfo:
    failure = engine_failure(ENGINE, f"{what}: {error}", exception_type=type(error).__name__)
    logger.warning("%s", first_line(failure))
    return failure


def _shown(location: str) -> str:
    """A path as users see it and may give it back: always a URI."""
    return "file:" + quote(os.fsencode(location)) if location.startswith("/") else location


def failed_operation(error: MillstreamError) -> pb.OperationStatus:
    """Return the status of an operation that has failed."""
    return pb.OperationStatus(
        completed=True, failure=engine_failure(ENGINE, str(error), exception_type=type(error).__name__)
    )


def _ended(job_id: JobID) -> pb.OperationStatus:
    return failed_operation(MillstreamError(f"job {job_id} ended before the checkpoint was complete"))
