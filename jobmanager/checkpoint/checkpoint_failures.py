"""Why checkpoints fail, in words, and how many may fail in a row."""

from __future__ import annotations

from enum import Enum

from millstream.common.failure import ENGINE, FailureInfo, engine_failure
from millstream.jobmanager.checkpoint.pending_checkpoint import PendingCheckpoint, Phase
from millstream.jobmanager.execution_graph import ExecutionGraph

__all__ = ["AbortReason", "CheckpointFailureCounter", "checkpoint_failure", "expired", "outdated", "with_note"]

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


def expired(pending: PendingCheckpoint, graph: ExecutionGraph, timeout_ms: int) -> FailureInfo:
    """Return the failure of a checkpoint that has taken too long: what it still waited for."""
    return checkpoint_failure(
        f"checkpoint {pending.id} was not complete after {timeout_ms} ms (execution.checkpointing.timeout): "
        f"{_waited_for(pending, graph)}"
    )


def outdated(pending: PendingCheckpoint, path: str) -> FailureInfo:
    """Return the failure of a checkpoint with a file that it must not refer to."""
    return checkpoint_failure(
        f"checkpoint {pending.id} refers to {path}, which was deleted with the checkpoint that had it, or is not the "
        "job's own: a task had not heard yet of a newer checkpoint. The next one will not do so"
    )


def _waited_for(pending: PendingCheckpoint, graph: ExecutionGraph) -> str:
    if pending.phase is Phase.PREPARING:
        return "its directory, or that of one before it, was still being made"
    if pending.phase is Phase.WRITING:
        return f"its metadata was still being written into {pending.directory}"
    if pending.in_doubt:
        return "nobody could tell whether its pointer was kept for later leaders, so it was removed"
    missing = [
        graph.vertex(subtask).task_name for task, subtask in pending.plan.tasks.items() if task in pending.awaited
    ]
    names = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")
    return f"{len(missing)} of {len(pending.plan.tasks)} tasks had not acknowledged it: {names}"


def with_note(failure: FailureInfo, note: str) -> FailureInfo:
    """Return a failure with a line more in its message; the first line stays what it was."""
    result = FailureInfo()
    result.CopyFrom(failure)
    result.message = f"{result.message}\n{note}" if result.message else note
    return result
