"""Runs the :class:`~millstream.jobmanager.checkpoint.coordinator.CheckpointCoordinator` of one job.

The shell around that state machine, as the JobMaster is the scheduler's: it keeps its timers, carries out what it
wants of files in threads, what it wants of tasks and of the job by way of the JobMaster, and answers those who wait
for a checkpoint. The coordinator is never entered twice, and files never hold up the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from urllib.parse import quote

from millstream.common.clock import Clock
from millstream.common.config import Configuration, StateOptions
from millstream.common.errors import MillstreamError
from millstream.common.failure import ENGINE, FailureInfo, engine_failure, first_line
from millstream.common.ids import AttemptId, IdFactory, JobID, ResourceId
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
    FailJob,
    LogFailure,
    NotifyTasks,
    PrepareLocation,
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
    LocationFailed,
    MetadataFailed,
    MetadataWritten,
    SavepointMode,
    SavepointRequested,
    TimerFired,
)
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from millstream.jobmanager.checkpoint.snapshot_matching import SnapshotOrigin
from millstream.jobmanager.checkpoint.state_assignment import assign_state
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertexID
from millstream.jobmanager.job_master.checkpoint_files import CheckpointFiles

__all__ = ["CheckpointService", "CheckpointedJob", "failed_operation"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_IO_THREADS: Final = 4
_MOST_DELETIONS: Final = 3
"""So often something is deleted before it is left to whoever cleans up."""
_IO_GOODBYE_SECONDS: Final = 5.0
"""How long the end of a job waits for its files to be written and deleted."""


@dataclass(slots=True)
class _Deletion:
    what: str
    carry_out: Callable[[], None]
    failures: int = 0


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


class CheckpointService:
    """Takes the checkpoints of one job. All methods belong to the event loop.

    :param settings: the job's settings over those of the cluster.
    :raises ConfigurationError: settings of checkpoints contradict each other.
    """

    def __init__(
        self, graph: ExecutionGraph, job: CheckpointedJob, clock: Clock, settings: Configuration, ids: IdFactory
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
        # Deletions happen one after the other: a directory may be empty only after those before.
        self._deletions: asyncio.Queue[_Deletion] = asyncio.Queue()
        self._deleting: asyncio.Task[None] | None = None
        self._timers: dict[tuple[TimerKind, int], asyncio.TimerHandle] = {}
        self._events: deque[CheckpointEvent] = deque()
        self._active = False
        self._wishes: deque[FailJob | CancelJob] = deque()
        self._requests: dict[str, asyncio.Future[pb.OperationStatus]] = {}
        self._closed = False

    async def restore(self) -> None:
        """Find the snapshot that the job is to begin from, if it is to begin from one (``-s``).

        :raises MillstreamError: it is not there, cannot be read, or does not fit the job.
        """
        path = self._recovery_path
        if not path:
            return
        restored = await self._in_thread(lambda: self._files.read(path, self._claim_mode))
        logger.info(
            "Job %s begins from checkpoint %d of job %s (%s)",
            self._job_id,
            restored.metadata.checkpoint_id,
            restored.metadata.job_id,
            restored.directory,
        )
        self.handle(restored)

    def restore_of(self, vertex_id: ExecutionVertexID) -> TaskRestore | None:
        """Return the state that a subtask begins with when it is deployed now."""
        return self._coordinator.restore_of(vertex_id)

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
        return self._coordinator.statistics()

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

    async def close(self) -> None:
        """Wait a while for files to be written and deleted, and let go of everything. May be called twice."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for request in self._requests.values():
            if not request.done():
                request.set_result(_ended(self._job_id))
        try:
            await asyncio.wait_for(self._deletions.join(), _IO_GOODBYE_SECONDS)
            if self._deleting is not None:
                self._deleting.cancel()
            await self._io.drain(_IO_GOODBYE_SECONDS)
        except asyncio.TimeoutError:
            logger.warning("Job %s leaves files of its checkpoints behind: its storage does not answer", self._job_id)
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
        try:
            while self._events:
                for action in self._coordinator.handle(self._events.popleft(), self._clock.now_ms()):
                    self._carry_out(action)
        finally:
            self._active = False
        while self._wishes:
            wish = self._wishes.popleft()
            if isinstance(wish, FailJob):
                self._job.fail_job(wish.failure)
            else:
                self._job.cancel_job()

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
                self._io.spawn(self._write(action), f"complete checkpoint {action.checkpoint_id}")
            case DeleteFiles():
                paths = action.paths
                self._delete(f"{len(paths)} files", lambda: self._files.delete_files(paths))
            case DeleteDirectory():
                directory = action.directory
                self._delete(directory, lambda: self._files.delete_directory(directory))
            case DeleteEmptyDirectories():
                directory = action.directory
                self._delete(directory, lambda: self._files.delete_empty_directories(directory))
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
            prepared = await self._in_thread(
                lambda: self._files.prepare(checkpoint_id, action.base_directory, savepoint=action.savepoint)
            )
        except MillstreamError as error:
            what = "savepoint" if action.savepoint else "checkpoint"
            failure = _io_failure(f"the directory of {what} {checkpoint_id} cannot be made", error)
            self.handle(LocationFailed(checkpoint_id, failure))
        else:
            self.handle(prepared)

    async def _write(self, action: WriteMetadata) -> None:
        checkpoint_id = action.checkpoint_id
        try:
            await self._in_thread(lambda: self._files.write(action.directory, action.metadata))
        except MillstreamError as error:
            failure = _io_failure(f"the metadata of checkpoint {checkpoint_id} cannot be written", error)
            self.handle(MetadataFailed(checkpoint_id, failure))
        else:
            self.handle(MetadataWritten(checkpoint_id))

    def _delete(self, what: str, deletion: Callable[[], None]) -> None:
        self._deletions.put_nowait(_Deletion(what, deletion))
        if self._deleting is None:
            self._deleting = self._io.spawn(self._delete_all(), "deletions")

    async def _delete_all(self) -> None:
        failed: list[_Deletion] = []
        while True:
            deletion = await self._deletions.get()
            # Those that failed are tried again when there is something to delete again: a task that has not heard yet
            # that its checkpoint was given up writes into a directory while it is deleted, and stores have bad moments.
            failed.append(deletion)
            again, failed = failed, []
            for each in again:
                try:
                    await self._in_thread(each.carry_out)
                except MillstreamError as error:
                    each.failures += 1
                    if each.failures < _MOST_DELETIONS:
                        failed.append(each)
                        continue
                    logger.warning(
                        "Job %s cannot delete %s, which nothing needs any more: %s", self._job_id, each.what, error
                    )
            self._deletions.task_done()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_IO_THREADS, thread_name_prefix=f"checkpoints-{self._job_id[:6]}")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _io_failure(what: str, error: MillstreamError) -> FailureInfo:
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
