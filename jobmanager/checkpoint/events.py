"""What the checkpoint coordinator is told. Names are in the past tense: each has happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from millstream.common.failure import FailureInfo
from millstream.common.ids import AttemptId
from millstream.common.states import JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, SubtaskCheckpointMetrics, TaskSnapshot
from millstream.jobmanager.checkpoint.actions import TimerKind

__all__ = [
    "Acknowledged",
    "CheckpointEvent",
    "CheckpointRequested",
    "CheckpointRestored",
    "CheckpointsRecovered",
    "ClaimMode",
    "Declined",
    "EndOfDataReported",
    "JobEnded",
    "LocationFailed",
    "LocationPrepared",
    "MetadataFailed",
    "MetadataWritten",
    "PointerKept",
    "PointerNotKept",
    "PointerRemoved",
    "RecoveredCheckpoint",
    "ResultKept",
    "SavepointMode",
    "SavepointRequested",
    "TasksChanged",
    "TimerFired",
]


class SavepointMode(Enum):
    """What is to become of the job when its savepoint is complete."""

    SAVEPOINT = "SAVEPOINT"
    """It runs on."""
    CANCEL = "CANCEL"
    """It is cancelled."""
    STOP = "STOP"
    """It stops where the savepoint is; no window is closed early."""
    DRAIN = "DRAIN"
    """Its input ends, as if there were nothing more to come; the savepoint comes after all results."""


class ClaimMode(Enum):
    """Who owns the files of a snapshot after a job has started from it."""

    CLAIM = "CLAIM"
    """The job: it deletes them when it needs them no more."""
    NO_CLAIM = "NO_CLAIM"
    """Whoever did before: the job's first checkpoint refers to none of them."""


@dataclass(frozen=True, slots=True)
class RecoveredCheckpoint:
    """One that an earlier leader of the job has completed.

    :ivar metadata: paths that are relative mean what they mean in the directory.
    :ivar directory: URI of the directory that ``_metadata`` is in.
    :ivar owned: the job deletes it when it needs it no more.
    """

    metadata: CheckpointMetadata
    directory: str
    owned: bool


@dataclass(frozen=True, slots=True)
class CheckpointsRecovered:
    """What earlier leaders of the job have left, before any task is deployed: the job goes on from the newest one.

    :ivar checkpoints: oldest first.
    :ivar next_id: the smallest id that no leader has given.
    :ivar unreadable: ids of completed ones that cannot be read. They are no use to the job, and left as they are.
    """

    checkpoints: tuple[RecoveredCheckpoint, ...]
    next_id: int
    unreadable: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckpointRestored:
    """The job begins from this snapshot, before any of its tasks is deployed. Its pointer is kept as those of the job's
    own checkpoints are, whoever owns it.

    :ivar metadata: paths that are relative mean what they mean in the directory.
    :ivar directory: URI of the directory that ``_metadata`` is in.
    """

    metadata: CheckpointMetadata
    directory: str
    claim_mode: ClaimMode


@dataclass(frozen=True, slots=True)
class TasksChanged:
    """The scheduler has handled an event: tasks may have come into other states, or been started anew.

    Comes after *every* step of the scheduler, and before the actions of that step are carried out.
    """


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time set by ``SetTimer`` is over."""

    kind: TimerKind
    checkpoint_id: int = 0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A task has stored its part of a checkpoint."""

    attempt_id: AttemptId
    checkpoint_id: int
    snapshot: TaskSnapshot
    metrics: SubtaskCheckpointMetrics


@dataclass(frozen=True, slots=True)
class Declined:
    """A task could not take its part in a checkpoint, or could not be told to."""

    attempt_id: AttemptId
    checkpoint_id: int
    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class EndOfDataReported:
    """A task has processed all of its input and waits for a checkpoint that makes that final."""

    attempt_id: AttemptId


@dataclass(frozen=True, slots=True)
class CheckpointRequested:
    """A user wants a checkpoint now. Answered by ``CompleteRequest``.

    :ivar full: it is to refer to no file of an earlier one.
    """

    request_id: str
    full: bool = False


@dataclass(frozen=True, slots=True)
class SavepointRequested:
    """A user wants a savepoint now. Answered by ``CompleteRequest``: when it is complete, and for STOP and DRAIN when
    the job has ended after it.

    :ivar directory: in which its own directory is made, a URI; empty: the configured one.
    :ivar format: CANONICAL or NATIVE.
    """

    request_id: str
    directory: str = ""
    mode: SavepointMode = SavepointMode.SAVEPOINT
    format: str = "CANONICAL"


@dataclass(frozen=True, slots=True)
class LocationPrepared:
    """``PrepareLocation`` was carried out.

    :ivar directory: URI of the checkpoint's own directory, which exists now.
    :ivar shared_directory: URI of the directory for files that later checkpoints may refer to.
    """

    checkpoint_id: int
    directory: str
    shared_directory: str = ""


@dataclass(frozen=True, slots=True)
class LocationFailed:
    """``PrepareLocation`` could not be carried out."""

    checkpoint_id: int
    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class MetadataWritten:
    """``WriteMetadata`` was carried out: the file is there, whole."""

    checkpoint_id: int


@dataclass(frozen=True, slots=True)
class MetadataFailed:
    """``WriteMetadata`` could not be carried out; the file may be there or not."""

    checkpoint_id: int
    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class PointerKept:
    """``KeepPointer`` was carried out: every later leader goes on from this checkpoint or a newer one."""

    checkpoint_id: int


@dataclass(frozen=True, slots=True)
class PointerNotKept:
    """``KeepPointer`` was not carried out, for certain."""

    checkpoint_id: int
    failure: FailureInfo


@dataclass(frozen=True, slots=True)
class PointerRemoved:
    """``RemovePointer`` was carried out: no later leader goes on from this checkpoint."""

    checkpoint_id: int


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The job is in this terminal status."""

    status: JobStatus


@dataclass(frozen=True, slots=True)
class ResultKept:
    """Whoever leads next knows that the job has ended, and how: nobody goes on from its checkpoints by himself."""


CheckpointEvent: TypeAlias = (
    CheckpointsRecovered
    | CheckpointRestored
    | TasksChanged
    | TimerFired
    | Acknowledged
    | Declined
    | EndOfDataReported
    | CheckpointRequested
    | SavepointRequested
    | LocationPrepared
    | LocationFailed
    | MetadataWritten
    | MetadataFailed
    | PointerKept
    | PointerNotKept
    | PointerRemoved
    | JobEnded
    | ResultKept
)
