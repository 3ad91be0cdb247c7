"""Which files several checkpoints refer to, and which nobody refers to any more.

Incremental checkpoints share files, so none of them can be deleted with the checkpoint that brought it. Every
checkpoint, be it pending or completed, refers to the shared files that its tasks have handed over; a file goes when
the last of them lets go of it.

A task builds on the last checkpoint that it has *heard* to be complete. That one may have been subsumed meanwhile, so
that a task can hand over a file that is deleted already: the registry remembers what was deleted, and the coordinator
gives such a checkpoint up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

__all__ = ["SharedStateRegistry"]

# So many deleted files are remembered: those of many checkpoints, and news travels faster than that.
_REMEMBERED = 100_000


class SharedStateRegistry:
    """Shared files by their absolute path, each with the number of checkpoints that refer to it."""

    __slots__ = ("_counts", "_deleted", "_paths_of", "_protected")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._paths_of: dict[int, set[str]] = {}
        self._protected: set[str] = set()
        self._deleted: OrderedDict[str, None] = OrderedDict()

    def register(self, checkpoint_id: int, paths: Iterable[str]) -> None:
        """A checkpoint refers to these files, unless they are deleted. May come several times for one checkpoint."""
        known = self._paths_of.setdefault(checkpoint_id, set())
        for path in paths:
            if path not in known and path not in self._deleted:
                known.add(path)
                self._counts[path] = self._counts.get(path, 0) + 1

    def unregister(self, checkpoint_id: int) -> list[str]:
        """A checkpoint is no more. Returns the files that nothing refers to now: they are to be deleted."""
        unused = []
        for path in sorted(self._paths_of.pop(checkpoint_id, ())):
            self._counts[path] -= 1
            if not self._counts[path]:
                del self._counts[path]
                if path not in self._protected:
                    unused.append(path)
        self.note_deleted(unused)
        return unused

    def protect(self, paths: Iterable[str]) -> None:
        """These files belong to somebody else: they are never deleted."""
        self._protected.update(paths)

    def is_needed(self, path: str) -> bool:
        """A checkpoint refers to the file, or somebody else owns it."""
        return path in self._counts or path in self._protected

    def was_deleted(self, path: str) -> bool:
        """The file was deleted, or is about to be."""
        return path in self._deleted

    def is_foreign(self, path: str) -> bool:
        """Somebody else owns the file, who may delete it at any time."""
        return path in self._protected

    def note_deleted(self, paths: Iterable[str]) -> None:
        """These files are being deleted."""
        for path in paths:
            self._deleted[path] = None
        while len(self._deleted) > _REMEMBERED:
            self._deleted.popitem(last=False)
