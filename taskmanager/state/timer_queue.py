"""Timers of one operator in one time domain, by time and then by who set them.

Many timers share a time (the end of a window, a full minute), so they are kept in one bucket per time: setting one is
a dictionary entry, and only the first of a bucket costs a heap operation. Setting the same timer twice is setting it
once, and deleting one needs no search.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from heapq import heapify, heappop, heappush

__all__ = ["TimerQueue"]


class TimerQueue:
    """A set of ``(time, entry)``; an entry is a key, or a pair of key and namespace.

    :ivar buckets: the entries by time, in the order in which they were set. Operators that set many timers at once
        may use it directly, together with :meth:`open_bucket`.
    """

    __slots__ = ("_times", "buckets")

    def __init__(self) -> None:
        self.buckets: dict[int, dict[Hashable, None]] = {}
        self._times: list[int] = []

    def __len__(self) -> int:
        return sum(map(len, self.buckets.values()))

    def open_bucket(self, time: int) -> dict[Hashable, None]:
        """Return the bucket of a time, a new one if there is none."""
        bucket = self.buckets.get(time)
        if bucket is None:
            bucket = self.buckets[time] = {}
            heappush(self._times, time)
        return bucket

    def register(self, time: int, entry: Hashable) -> bool:
        """Set a timer; whether it is the earliest now (and the alarm must be set anew)."""
        bucket = self.buckets.get(time)
        if bucket is not None:
            bucket[entry] = None
            return False
        self.buckets[time] = {entry: None}
        heappush(self._times, time)
        return self._times[0] == time

    def delete(self, time: int, entry: Hashable) -> None:
        """Delete a timer; nothing if it is not set."""
        bucket = self.buckets.get(time)
        if bucket is not None:
            bucket.pop(entry, None)

    def first(self) -> int | None:
        """The earliest time; ``None``: no timer is set."""
        times = self._times
        while times:
            if self.buckets[times[0]]:
                return times[0]
            del self.buckets[heappop(times)]
        return None

    def pop_due(self, now: int) -> Iterator[tuple[int, Hashable]]:
        """Take out what is due at ``now``, earliest first, one by one.

        Timers may be set and deleted between two steps: one that is set for a time not after ``now`` is due as well.
        """
        while (time := self.first()) is not None and time <= now:
            bucket = self.buckets[time]
            for entry in list(bucket):
                if entry in bucket:
                    del bucket[entry]
                    yield time, entry
                    earliest = self._times[0]
                    if earliest < time:
                        break  # one that was set meanwhile comes before the rest of this bucket

    def items(self) -> Iterator[tuple[int, Hashable]]:
        """All timers; the queue must not change meanwhile."""
        for time in sorted(self.buckets):
            for entry in self.buckets[time]:
                yield time, entry

    def restore(self, timers: Iterable[tuple[int, Hashable]]) -> None:
        """Set many timers, beside those that are set."""
        for time, entry in timers:
            self.buckets.setdefault(time, {})[entry] = None
        self._times = list(self.buckets)
        heapify(self._times)
