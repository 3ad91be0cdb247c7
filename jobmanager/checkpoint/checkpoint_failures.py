"""Why checkpoints fail, in words, and how many may fail in a row."""

from __future__ import annotations

from enum import Enum

from millstream.common.failure import ENGINE, FailureInfo, engine_failure

__all__ = ["AbortReason", "CheckpointFailureCounter", "checkpoint_failure", "with_note"]

_TOLERABLE = "execution.checkpointing.tolerable-failed-checkpoints"


class AbortReason(Enum):
    """Why a pending checkpoint was given up. Some tell of trouble with checkpoints, others of something else."""

    DECLINED = "DECLINED"
    """A task could not take part."""
    EXPIRED = "EXPIRED"
    """It took longer than its timeout."""
    STORAGE = "STORAGE"
    """Its directory could not be made, or its metadata or its pointer not be written."""
    INCONSISTENT = "INCONSISTENT"
    """What the tasks handed over makes no checkpoint."""
    SUBSUMED = "SUBSUMED"
    """A newer one is complete."""
    TASKS_CHANGED = "TASKS_CHANGED"
    """A task has failed or ended."""
    OUTDATED = "OUTDATED"
    """It refers to a file of a checkpoint that has been deleted meanwhile, or that the job does not own."""
    STOPPING = "STOPPING"
    """The job stops with a savepoint."""
    JOB_ENDED = "JOB_ENDED"

    @property
    def counts(self) -> bool:
        """It counts against the number of tolerable failures."""
        return self in _COUNTED


_COUNTED = (AbortReason.DECLINED, AbortReason.EXPIRED, AbortReason.STORAGE, AbortReason.INCONSISTENT)


class CheckpointFailureCounter:
    """Counts failures in a row.

    :param tolerable: so many do no harm.
    """

    __slots__ = ("_count", "_tolerable")

    def __init__(self, tolerable: int) -> None:
        self._tolerable = tolerable
        self._count = 0

    def failed(self, checkpoint_id: int, failure: FailureInfo) -> FailureInfo | None:
        """A checkpoint has failed. Returns the failure of the job if that was one too many; the count begins anew."""
        self._count += 1
        if self._count <= self._tolerable:
            return None
        count, self._count = self._count, 0
        tolerated = (
            f"{_TOLERABLE} is {self._tolerable}"
            if count == 1
            else f"{count} in a row have failed and {_TOLERABLE} is {self._tolerable}"
        )
        return with_note(failure, f"Checkpoint {checkpoint_id} failed with this; {tolerated}.")

    def succeeded(self) -> None:
        """A checkpoint is complete."""
        self._count = 0


def checkpoint_failure(message: str) -> FailureInfo:
    """Return a failure that the coordinator words itself."""
    return engine_failure(ENGINE, message, exception_type="CheckpointException")


def with_note(failure: FailureInfo, note: str) -> FailureInfo:
    """Return a failure with a line more in its message; the first line stays what it was."""
    result = FailureInfo()
    result.CopyFrom(failure)
    result.message = f"{result.message}\n{note}" if result.message else note
    return result
