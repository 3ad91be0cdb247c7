"""Timers of one operator in one time domain, by time and then by who set them.

Many timers share a time (the end of a window, a full minute), so they are kept in one bucket per time: setting one is
a dictionary entry, and only the first of a bucket costs a heap operation. Setting the same timer twice is setting it
once, and deleting one needs no search.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any

__all__ = ["TimerQueue"]


class TimerQueue:
    """A set of ``(time, entry)``; an entry is a key, or a pair of key and namespace.

    :ivar namespaced: entries are pairs; a snapshot has to know, since a timer goes where its key goes.
    :ivar buckets: the entries by time, in the order in which they were set. Operators that set many timers at once
        may use it directly, together with :meth:`open_bucket`.
    :ivar fired: timers that were taken out because they were due, so far.
    """

    __slots__ = ("_times", "buckets", "fired", "namespaced")

    def __init__(self, *, namespaced: bool = False) -> None:
        self.namespaced = namespaced
        self.fired = 0
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
            if not bucket:
                # Who sets a timer anew with each record leaves many times behind him: only the number stays.
                del self.buckets[time]

    def clear(self) -> None:
        """Delete all timers."""
        self.buckets.clear()
        self._times.clear()

    def first(self) -> int | None:
        """The earliest time; ``None``: no timer is set."""
        times = self._times
        while times:
            if self.buckets.get(times[0]):
                return times[0]
            self.buckets.pop(heappop(times), None)  # all of them were deleted, or it stands twice in the heap
        return None

    def pop_bucket(self, now: float) -> tuple[int, dict[Hashable, None]] | None:
        """Take out all timers of the earliest time, if it is due at ``now``."""
        time = self.first()
        if time is None or time > now:
            return None
        heappop(self._times)
        bucket = self.buckets.pop(time)
        self.fired += len(bucket)
        return time, bucket

    def earlier_than(self, time: int) -> bool:
        """Whether there may be a timer before ``time``."""
        return bool(self._times) and self._times[0] < time

    def put_back(self, time: int, entries: Iterable[Hashable]) -> None:
        """Set timers again that :meth:`pop_bucket` took out, before those that were set meanwhile."""
        bucket = dict.fromkeys(entries)
        if bucket:
            self.fired -= len(bucket)
            later = self.open_bucket(time)
            bucket.update(later)
            later.clear()
            later.update(bucket)

    def pop_due(self, now: int) -> Iterator[tuple[int, Hashable]]:
        """Take out what is due at ``now``, earliest first, one by one.

        Timers may be set and deleted between two steps: one that is set for a time not after ``now`` is due as well.
        """
        while (time := self.first()) is not None and time <= now:
            bucket = self.buckets[time]
            for entry in list(bucket):
                if entry in bucket:
                    del bucket[entry]
                    self.fired += 1
                    yield time, entry
                    if self.earlier_than(time):
                        break  # one that was set meanwhile comes before the rest of this bucket

    def pop_due_keys(self, now: int) -> Iterator[tuple[int, Any, int]]:
        """Like :meth:`pop_due`, for entries that nobody can delete but while it is their own turn (keys).

        A step gives the entry between its time twice: where a record would have its value, and its timestamp.
        """
        times = self._times
        while (due := self.pop_bucket(now)) is not None:
            time, bucket = due
            entries = iter(bucket)
            for entry in entries:
                yield time, entry, time
                if times and times[0] < time:
                    self.put_back(time, entries)

    def items(self) -> Iterator[tuple[int, Hashable]]:
        """All timers; the queue must not change meanwhile."""
        for time in sorted(self.buckets):
            for entry in self.buckets[time]:
                yield time, entry

    def restore(self, timers: Iterable[tuple[int, Hashable]]) -> None:
        """Set many timers, beside those that are set."""
        for time, entry in timers:
            self.buckets.setdefault(time, {})[entry] = None
        self._times[:] = self.buckets
        heapify(self._times)
