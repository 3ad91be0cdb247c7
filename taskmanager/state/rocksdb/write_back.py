"""What caches of one backend have in common: when they write, and how much they hold.

Changes wait in the caches and are written together, so that a key that many records touch is written once. How many
wait is bounded: the pause of a snapshot is the time that they take to write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from millstream.taskmanager.state.rocksdb.slot_memory import MemoryShare

if TYPE_CHECKING:
    from rocksdict import WriteBatch

__all__ = ["Buffer", "WriteBack"]

_MOST_CHANGED = 32_768
_LEAST_ENTRIES = 1_024
_ENTRY_OVERHEAD = 160
"""Bytes of a dict's entry and of small objects' heads."""
_OBJECT_FACTOR = 2
"""How much larger Python objects are than their bytes on disk, about."""


class Buffer(Protocol):
    """Holds changes of one state that are not in the database yet."""

    def write_to(self, batch: WriteBatch) -> None:
        """Put all changes into a batch, which will be written; they are no changes any more."""
        ...

    def forget(self) -> None:
        """Drop all that is held, changes as well."""
        ...


class WriteBack:
    """Bounds the caches of a backend.

    :ivar flush: writes the changes of all caches, and does not empty them.
    :ivar write: writes the changes of one.
    :ivar changed_bytes: of pickled changes that wait, about; whoever adds some counts them.
    :ivar most_changed_bytes: how many may wait.
    """

    def __init__(
        self,
        share: MemoryShare,
        flush: Callable[[], None],
        write: Callable[[Buffer], None],
        most_changed_bytes: int,
    ) -> None:
        self.flush = flush
        self.write = write
        self.changed_bytes = 0
        self.most_changed_bytes = most_changed_bytes
        self._share = share
        self._caches = 0

    def add_cache(self) -> None:
        """Another cache takes its part of the memory."""
        self._caches += 1

    def most_changed(self, mean_size: float) -> int:
        """How many changes of entries of this size, on disk, may wait in one cache."""
        return max(64, min(_MOST_CHANGED, int(self.most_changed_bytes / (mean_size + 16))))

    def most_entries(self, mean_size: float) -> int:
        """How many entries of this size one cache may hold."""
        budget = self._share.object_bytes() / max(1, self._caches)
        return max(_LEAST_ENTRIES, int(budget / (_ENTRY_OVERHEAD + _OBJECT_FACTOR * mean_size)))

    def count(self, size: int) -> None:
        """Count a change; write if that are many now."""
        self.changed_bytes += size
        if self.changed_bytes > self.most_changed_bytes:
            self.flush()
