"""What the checkpoint coordinator wants done. Names are imperatives; the JobMaster's shell carries them out in order.

Deletions are best effort: what is to be deleted may be there or not, and a failure is only logged. But none of them is
carried out before all pointers are removed that were to be removed before it: a pointer never refers to what is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from millstream.common.failure import FailureInfo
from millstream.common.ids import AttemptId, ResourceId
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, CheckpointOptions

__all__ = [
    "CancelJob",
    "CancelTimer",
    "CheckpointAction",
    "CompleteRequest",
    "DeleteDirectory",
    "DeleteEmptyDirectories",
    "DeleteFiles",
    "DeleteJobDirectory",
    "DeleteLeftCheckpoints",
    "FailJob",
    "KeepPointer",
    "LogFailure",
    "NotifyTasks",
    "PrepareLocation",
    "RemovePointer",
    "SetTimer",
    "TimerKind",
    "TriggerTasks",
    "WriteMetadata",
]


class TimerKind(Enum):
    """The coordinator's timers."""

    TRIGGER = "TRIGGER"
    """It is time for a checkpoint. At most one at a time, its checkpoint id is 0."""
    TIMEOUT = "TIMEOUT"
    """A checkpoint has taken too long. At most one for each checkpoint id."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Send ``TimerFired(kind, checkpoint_id)`` after the delay; replaces the running timer of this kind and id."""

    kind: TimerKind
    delay_ms: int
    checkpoint_id: int = 0


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop the timer of this kind and checkpoint id, if it runs."""

    kind: TimerKind
    checkpoint_id: int = 0


@dataclass(frozen=True, slots=True)
class PrepareLocation:
    """Reserve the id, then make the directory of a checkpoint: ``<base>/<job id>/chk-<n>``, with ``shared`` and
    ``taskowned`` beside it; of a savepoint ``<base>/savepoint-<job id's first digits>-<random>``. Answered by
    ``LocationPrepared`` or ``LocationFailed``.
    """

    checkpoint_id: int
    savepoint: bool
    base_directory: str


@dataclass(frozen=True, slots=True)
class TriggerTasks:
    """Tell these tasks, all on one TaskManager, to begin a checkpoint. If the call fails: ``Declined`` for each.

    A task that has begun it already ignores that.
    """

    resource_id: ResourceId
    attempt_ids: tuple[AttemptId, ...]
    checkpoint_id: int
    options: CheckpointOptions


@dataclass(frozen=True, slots=True)
class NotifyTasks:
    """Tell these tasks, all on one TaskManager, what became of a checkpoint. Repeated while the call fails and the
    TaskManager is not lost: tasks wait for it.
    """

    resource_id: ResourceId
    attempt_ids: tuple[AttemptId, ...]
    checkpoint_id: int
    completed: bool


@dataclass(frozen=True, slots=True)
class WriteMetadata:
    """Write the metadata file of a checkpoint, atomically. Answered by ``MetadataWritten`` or ``MetadataFailed``.

    :ivar metadata: with absolute paths.
    """

    checkpoint_id: int
    directory: str
    metadata: CheckpointMetadata


@dataclass(frozen=True, slots=True)
class KeepPointer:
    """Let all later leaders of the job go on from this checkpoint. Pointers are kept in the order of these actions.

    Answered by ``PointerKept`` or ``PointerNotKept``, and by nothing at all as long as nobody can tell.

    :ivar owned: the job deletes it when it needs it no more.
    """

    checkpoint_id: int
    directory: str
    owned: bool


@dataclass(frozen=True, slots=True)
class RemovePointer:
    """Let no later leader go on from this checkpoint. Answered by ``PointerRemoved``, or by nothing at all if that is
    for another leader to decide by now. Carried out after the ``KeepPointer`` of the same checkpoint has come to an
    end, and repeated until it has succeeded.
    """

    checkpoint_id: int


@dataclass(frozen=True, slots=True)
class DeleteFiles:
    """Delete these files (URIs): nothing refers to them."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteDirectory:
    """Delete the directory (URI) of a checkpoint or savepoint with all that is in it. May come again for stragglers."""

    directory: str


@dataclass(frozen=True, slots=True)
class DeleteEmptyDirectories:
    """Delete empty directories in the directory of the job (URI), and that itself if there is nothing else in it."""

    directory: str


@dataclass(frozen=True, slots=True)
class DeleteLeftCheckpoints:
    """Delete the directories of checkpoints that leaders which died have left behind in the directory of the job.

    :ivar directory: the URI of that.
    :ivar before: those with ids below this one were given by leaders of the job; no others are touched.
    :ivar kept: those of these ids that stay.
    """

    directory: str
    before: int
    kept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DeleteJobDirectory:
    """Delete the directory of the job, of which nothing is kept: all checkpoints with ids that leaders of the job have
    given, and then, if there is nothing in it of anybody else, all the rest.

    :ivar directory: its URI.
    :ivar before: the smallest id that no leader has given.
    """

    directory: str
    before: int


@dataclass(frozen=True, slots=True)
class LogFailure:
    """Tell in the log of a checkpoint that failed, which the job does not fail with."""

    checkpoint_id: int
    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class FailJob:
    """The job has failed as a whole: restart it, if it may be restarted."""

    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Its savepoint is complete: cancel the job."""


@dataclass(frozen=True, slots=True)
class CompleteRequest:
    """The answer to ``CheckpointRequested`` or ``SavepointRequested``; exactly one for each.

    :ivar location: URI of the directory with ``_metadata``; empty with a failure, and for checkpoints in memory.
    :ivar failure: ``None``: it is complete.
    """

    request_id: str
    checkpoint_id: int = 0
    location: str = ""
    failure: FailureInfo | None = None


CheckpointAction: TypeAlias = (
    SetTimer
    | CancelTimer
    | PrepareLocation
    | TriggerTasks
    | NotifyTasks
    | WriteMetadata
    | KeepPointer
    | RemovePointer
    | DeleteFiles
    | DeleteDirectory
    | DeleteEmptyDirectories
    | DeleteLeftCheckpoints
    | DeleteJobDirectory
    | FailJob
    | LogFailure
    | CancelJob
    | CompleteRequest
)
