"""Which windows are open, what is in them, and when their time comes.

All keys share the boundaries of tumbling and sliding windows. So a window is one entry of a heap however many keys are
in it, and whether it is open, has fired or is gone is found out once per window (and stretch of time), not per record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP
from millstream.datastream.window.time_window import TimeWindow

__all__ = ["AlignedWindows", "DueWindow", "Slice"]

Slice = tuple[int, int, Any, bool]
"""Timestamps from the first number up to, not including, the second one have the same windows. What those hold that
have not fired yet: of tumbling windows the contents by key, of sliding ones a list of that. And whether records need a
closer look: some window of theirs has fired already, or they have none."""


@dataclass(frozen=True, slots=True)
class DueWindow:
    """A window whose time has come.

    :ivar panes: what it holds, by key.
    :ivar fired: keys for which it has been evaluated already, before a restore.
    :ivar fires: it is to be evaluated.
    :ivar ends: nothing may remain of it afterwards.
    """

    start: int
    end: int
    panes: dict[Any, Any]
    fires: bool
    ends: bool
    fired: Collection[Any] = ()

    def to_evaluate(self) -> dict[Any, Any]:
        """What it holds of the keys that it is to be evaluated for."""
        if not self.fired:
            return self.panes
        return {key: contents for key, contents in self.panes.items() if key not in self.fired}


class AlignedWindows:
    """The windows of one operator.

    :ivar now: the watermark; with processing time, windows before it do not matter and it stays where it began.
    :ivar evaluated: windows of single keys that were evaluated so far.
    """

    __slots__ = (
        "_check",
        "_contents",
        "_fired",
        "_lateness",
        "_offset",
        "_panes",
        "_size",
        "_slices",
        "_slide",
        "_times",
        "_tumbling",
        "evaluated",
        "now",
    )

    def __init__(
        self,
        contents: dict[Any, dict[Any, Any]],
        size: int,
        slide: int | None,
        offset: int,
        lateness: int,
        check: Callable[[int], None],
    ) -> None:
        """
        :param contents: what is in the windows, by window and then by key; a part of the snapshots.
        :param slide: ``None``: windows are tumbling.
        :param check: raises an error if a timestamp is none.
        """
        self._contents = contents
        self._panes: dict[int, dict[Any, Any]] = {}  # the same by the windows' starts
        # Windows that have been evaluated for some keys, though they are not over: after a restore.
        self._fired: dict[TimeWindow, set[Any]] = {}
        self._size = size
        self._slide = size if slide is None else slide
        self._offset = offset
        self._lateness = lateness
        self._tumbling = slide is None
        self._check = check
        self._slices: dict[int, Slice] = {}
        self._times: list[tuple[int, int, int]] = []  # when something is to be done, and the bounds of the window
        self.now = MIN_TIMESTAMP
        self.evaluated = 0

    # ------------------------------------------------------------------------------------------------ records

    def starts_of(self, timestamp: int) -> range:
        """The starts of all windows of a timestamp, last one first; none if it lies between two windows."""
        last = timestamp - (timestamp - self._offset) % self._slide
        return range(last, timestamp - self._size, -self._slide)

    def slice_of(self, timestamp: int) -> Slice:
        """Return the windows to which records of this time, and of times near to it, are to be added.

        They are made if they are not there.
        """
        number = (timestamp - self._offset) // self._slide
        found = self._slices.get(number)
        if found is None or not found[0] <= timestamp < found[1]:
            found = self._slices[number] = self._make_slice(timestamp)
        return found

    def _make_slice(self, timestamp: int) -> Slice:
        self._check(timestamp)
        starts = self.starts_of(timestamp)
        if not starts:
            return timestamp, timestamp + 1, [], True
        last, first = starts[0], starts[-1]
        low = max(last, first - self._slide + self._size)
        high = min(last + self._slide, first + self._size)
        now = self.now
        if self._tumbling:
            if self.last_timestamp(last) <= now:
                return low, high, None, True
            if self._fired and self.has_fired(last):
                return low, high, None, True
            return low, high, self.panes(last), False
        waiting = [start for start in starts if self.last_timestamp(start) > now]
        kept = not waiting or (len(waiting) < len(starts) and self.cleanup_time(starts[len(waiting)]) > now)
        if self._fired:
            again = [start for start in waiting if not self.has_fired(start)]
            kept = kept or len(again) < len(waiting)
            waiting = again
        return low, high, [self.panes(start) for start in waiting], kept

    def panes(self, start: int) -> dict[Any, Any]:
        """Return what the window that starts then holds by key, to be added to."""
        panes = self._panes.get(start)
        if panes is None:
            panes = self._panes[start] = self._contents[self.window(start)] = {}
            self._schedule(start, start + self._size)
        return panes

    def has_fired(self, start: int) -> bool:
        """Whether the window that starts then has been evaluated for some keys already, though it is not over."""
        return self.window(start) in self._fired

    def fire_for(self, start: int, key: Any) -> None:
        """A window that :meth:`has_fired` has got a new element of this key, and is to be evaluated for it."""
        self._fired[self.window(start)].discard(key)

    def cleanup_time(self, start: int) -> int:
        """From this time on nothing remains of the window, and what belongs to it is late."""
        return self._cleanup_time(start + self._size)

    def _cleanup_time(self, end: int) -> int:
        return min(end - 1 + self._lateness, MAX_TIMESTAMP)

    def window(self, start: int) -> TimeWindow:
        """The window that starts then."""
        return TimeWindow(start, start + self._size)

    def last_timestamp(self, start: int) -> int:
        """The window's last timestamp, which is also when it fires."""
        return start + self._size - 1

    # ------------------------------------------------------------------------------------------------ time

    def advance(self, now: int) -> None:
        """Event time has come so far; see :meth:`due`."""
        self.now = now
        self._slices.clear()

    def first_time(self) -> int | None:
        """When something is to be done next."""
        return self._times[0][0] if self._times else None

    def due(self, now: int) -> Iterator[DueWindow]:
        """Give the windows whose time has come at ``now``, earliest first.

        What has ended is removed when the iterator goes on.
        """
        times = self._times
        self._slices.clear()
        while times and times[0][0] <= now:
            time, start, end = heappop(times)
            cleanup_time = self._cleanup_time(end)
            ends = time == cleanup_time and time < MAX_TIMESTAMP
            fires = time == end - 1
            if not ends and cleanup_time < MAX_TIMESTAMP:
                heappush(times, (cleanup_time, start, end))
            window = TimeWindow(start, end)
            fired = self._fired.pop(window, ()) if self._fired else ()
            panes = self._contents[window]
            if fires:
                self.evaluated += len(panes) - len(fired)
            yield DueWindow(start, end, panes, fires, ends, fired)
            if ends:
                del self._contents[window]
                self._panes.pop(start, None)

    def restore(self, now: int, fired: Mapping[TimeWindow, set[Any]]) -> None:
        """The contents are those of a snapshot.

        :param now: where time goes on.
        :param fired: the keys for which windows have been evaluated that end only after ``now``.
        """
        self.now = now
        self._slices.clear()
        self._times.clear()
        self._panes.clear()
        self._fired = {window: keys for window, keys in fired.items() if keys}
        for window, panes in self._contents.items():
            start, end = window.start, window.end
            if end - start == self._size and (start - self._offset) % self._slide == 0:
                self._panes[start] = panes
            # else the program had other windows then: they fire when their time comes
            if end - 1 <= now and self._cleanup_time(end) <= now:
                self._fired[window] = set(panes)  # windows were kept for longer then
            self._schedule(start, end)

    def _schedule(self, start: int, end: int) -> None:
        if end - 1 > self.now:
            heappush(self._times, (end - 1, start, end))
        elif (cleanup_time := self._cleanup_time(end)) < MAX_TIMESTAMP:
            heappush(self._times, (cleanup_time, start, end))
