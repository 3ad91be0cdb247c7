"""The latest failures of a job."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from millstream.common.failure import FailureInfo

__all__ = ["ExceptionHistory"]


class ExceptionHistory:
    """Keeps the last ``size`` failures; iterates newest first."""

    __slots__ = ("_entries",)

    def __init__(self, size: int) -> None:
        self._entries: deque[FailureInfo] = deque(maxlen=max(size, 0))

    def add(self, failure: FailureInfo) -> None:
        self._entries.appendleft(failure)

    def replace_newest(self, failure: FailureInfo) -> None:
        """Put the true cause in the place of the echo that was noted before it was known."""
        if self._entries:
            self._entries.popleft()
        self._entries.appendleft(failure)

    def __iter__(self) -> Iterator[FailureInfo]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
