"""The checkpoints of a job that are under way, and whether there may be one more."""

from __future__ import annotations

from collections.abc import Iterator

from millstream.jobmanager.checkpoint.pending_checkpoint import PendingCheckpoint

__all__ = ["PendingCheckpoints"]


class PendingCheckpoints:
    """By id, ascending. Iterating over them goes on with those that were there at its begin.

    :param most: so many may be under way at a time, savepoints counted.
    """

    __slots__ = ("_by_id", "_most")

    def __init__(self, most: int) -> None:
        self._by_id: dict[int, PendingCheckpoint] = {}
        self._most = most

    def __iter__(self) -> Iterator[PendingCheckpoint]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def ids(self) -> list[int]:
        return list(self._by_id)

    @property
    def in_doubt(self) -> bool:
        """A later leader might go on from one of them, and might not."""
        return any(pending.in_doubt for pending in self)

    def get(self, checkpoint_id: int) -> PendingCheckpoint | None:
        """Return one, ``None``: it is over, or never began."""
        return self._by_id.get(checkpoint_id)

    def add(self, pending: PendingCheckpoint) -> None:
        """A checkpoint begins; its id is larger than all others."""
        self._by_id[pending.id] = pending

    def remove(self, pending: PendingCheckpoint) -> None:
        """A checkpoint is over, one way or the other."""
        del self._by_id[pending.id]

    def has_room(self) -> bool:
        """Whether a checkpoint may join those under way. None overtakes a savepoint: tasks that hear that a newer one
        is complete write nothing more for older ones.
        """
        return len(self) < self._most and not any(pending.is_savepoint for pending in self)

    def may_follow(self) -> bool:
        """Whether a periodic checkpoint may join those under way. If one of them is final, none is needed."""
        return self.has_room() and not any(pending.final and pending.is_recovery_point for pending in self)
