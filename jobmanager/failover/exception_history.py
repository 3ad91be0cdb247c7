"""The latest failures of a job, each with those that came of other tasks until the job was restarted after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from millstream.common.failure import FailureInfo
from millstream.common.wire.cluster_pb2 import ExceptionHistoryEntry

__all__ = ["ExceptionHistory"]

_MOST_CONCURRENT: Final = 16
"""So many failures are kept beside a root cause: a TaskManager that is lost is one for each of its tasks, and all of it
must fit into one answer.
"""


class ExceptionHistory:
    """Keeps the last ``size`` failures; iterates over their root causes, newest first.

    :ivar truncated: there were earlier ones.
    """

    __slots__ = ("_entries", "truncated")

    def __init__(self, size: int) -> None:
        self._entries: deque[ExceptionHistoryEntry] = deque(maxlen=max(size, 0))
        self.truncated = False

    def add(self, failure: FailureInfo) -> None:
        """The job fails, or is restarted, because of this."""
        self.truncated |= len(self._entries) == self._entries.maxlen
        self._entries.appendleft(ExceptionHistoryEntry(root_cause=failure))

    def add_concurrent(self, failure: FailureInfo) -> None:
        """Another task has failed before the job was restarted after the newest failure."""
        if self._entries and len(self._entries[0].concurrent) < _MOST_CONCURRENT:
            self._entries[0].concurrent.append(failure)

    def replace_newest(self, failure: FailureInfo) -> None:
        """Put the true cause in the place of the echo that was noted before it was known."""
        if not self._entries:
            self.add(failure)
            return
        echo = FailureInfo()
        echo.CopyFrom(self._entries[0].root_cause)
        self._entries[0].root_cause.CopyFrom(failure)
        self.add_concurrent(echo)

    def entries(self) -> Iterator[ExceptionHistoryEntry]:
        """All that is kept, the newest first."""
        return iter(self._entries)

    def __iter__(self) -> Iterator[FailureInfo]:
        return (entry.root_cause for entry in self._entries)

    def __len__(self) -> int:
        return len(self._entries)
