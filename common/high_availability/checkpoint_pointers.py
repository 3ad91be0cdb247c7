"""Where a job's completed checkpoints are, and which id comes next: what a new leader goes on from.

A checkpoint counts as complete when its pointer is kept, and not before. Ids are never given twice, whoever leads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from millstream.common.errors import MillstreamError

__all__ = ["CheckpointPointer", "CheckpointPointers", "OutcomeUnknownError"]


class OutcomeUnknownError(MillstreamError):
    """Nobody can tell whether the write was done. What it refers to must be left as it is."""


@dataclass(frozen=True, slots=True)
class CheckpointPointer:
    """One completed checkpoint.

    :ivar checkpoint_id: its id.
    :ivar directory: URI of the directory with its ``_metadata``.
    :ivar owned: the job deletes it when it needs it no more; savepoints belong to the user.
    """

    checkpoint_id: int
    directory: str
    owned: bool


class CheckpointPointers(Protocol):
    """The pointers of one job."""

    async def all(self) -> list[CheckpointPointer]:
        """Return all pointers, oldest first."""
        ...

    async def next_id(self) -> int:
        """Return the smallest id that no leader has reserved, 1 for a new job."""
        ...

    async def reserve(self, checkpoint_id: int) -> None:
        """Make sure that no other leader gives this id, nor a smaller one.

        :raises LeadershipLostError: the term is over.
        :raises MillstreamError: the id is taken, or that could not be noted.
        """
        ...

    async def add(self, pointer: CheckpointPointer) -> None:
        """The checkpoint is complete: any later leader goes on from it, unless there is a newer one.

        :raises LeadershipLostError: the term is over, and it is not.
        :raises OutcomeUnknownError: nobody can tell.
        :raises MillstreamError: it is not.
        """
        ...

    async def remove(self, checkpoint_id: int) -> None:
        """Nobody may go on from it any more: its files are about to be deleted. Does nothing if it is not there.

        :raises LeadershipLostError: the term is over; the files are the next leader's.
        :raises MillstreamError: somebody may still go on from it.
        """
        ...
