"""Windows that are intervals of time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from millstream.datastream.window.window import Window

if TYPE_CHECKING:
    from millstream.datastream.window.window_assigner import MergingWindowAssigner

__all__ = ["TimeWindow"]


class TimeWindow(Window):
    """From ``start`` (included) to ``end`` (excluded), in ms. Windows are ordered by start, then by end."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end

    def get_start(self) -> int:
        """The first timestamp of the window."""
        return self.start

    def get_end(self) -> int:
        """The first timestamp after the window."""
        return self.end

    def max_timestamp(self) -> int:
        return self.end - 1

    def intersects(self, other: TimeWindow) -> bool:
        """Whether the windows overlap or touch: the end of one may be the start of the other."""
        return self.start <= other.end and self.end >= other.start

    def cover(self, other: TimeWindow) -> TimeWindow:
        """The smallest window that has both windows in it."""
        return TimeWindow(min(self.start, other.start), max(self.end, other.end))

    @staticmethod
    def get_window_start_with_offset(timestamp: int, offset: int, window_size: int) -> int:
        """Start of the window that has a timestamp in it, if windows of a size follow one another from ``offset``."""
        return timestamp - (timestamp - offset) % window_size

    @staticmethod
    def merge_windows(windows: Iterable[TimeWindow], callback: MergingWindowAssigner.MergeCallback[TimeWindow]) -> None:
        """Tell the callback which windows overlap or touch, directly or by others in between."""
        covering: TimeWindow | None = None
        together: list[TimeWindow] = []
        for window in sorted(windows):
            if covering is not None and covering.intersects(window):
                covering = covering.cover(window)
                if window != together[-1]:  # equal ones are neighbours in sorted order
                    together.append(window)
                continue
            if covering is not None and len(together) > 1:
                callback.merge(together, covering)
            covering = window
            together = [window]
        if covering is not None and len(together) > 1:
            callback.merge(together, covering)

    def __eq__(self, other: object) -> bool:
        if type(other) is not TimeWindow:
            return NotImplemented
        return self.end == other.end and self.start == other.start

    def __lt__(self, other: TimeWindow) -> bool:
        if not isinstance(other, TimeWindow):
            return NotImplemented
        return (self.start, self.end) < (other.start, other.end)

    def __le__(self, other: TimeWindow) -> bool:
        if not isinstance(other, TimeWindow):
            return NotImplemented
        return (self.start, self.end) <= (other.start, other.end)

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __reduce__(self) -> tuple[type[TimeWindow], tuple[int, int]]:
        return TimeWindow, (self.start, self.end)

    def __repr__(self) -> str:
        return f"TimeWindow(start={self.start}, end={self.end})"
