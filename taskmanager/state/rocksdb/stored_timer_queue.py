"""Timers of which only those that are due next are in memory; the others are in the database, in order of their times.

All timers before a boundary are in memory, all others are not: each is in one place. When those in memory have fired,
the next few are fetched and the boundary moves on; when too many are set before it, it moves back.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator
from heapq import heapify
from itertools import islice
from typing import TYPE_CHECKING, Any

from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.key_encoding import decode_key, encode_key
from millstream.taskmanager.state.rocksdb.key_layout import GROUP_SIZE, KeyLayout
from millstream.taskmanager.state.rocksdb.stored_value import encode_stored, originals_of, with_originals
from millstream.taskmanager.state.rocksdb.write_back import WriteBack
from millstream.taskmanager.state.timer_queue import TimerQueue

if TYPE_CHECKING:
    from rocksdict import WriteBatch

__all__ = ["StoredTimerQueue", "TimerLayout"]

_FETCHED = 16_384
_MOST_IN_MEMORY = 65_536
_MOST_WAITING = 16_384
_COUNT_EVERY = 64
_NOTHING = encode_stored(None)


class TimerLayout:
    """Where a timer is: its time, the key group, the key, and the namespace if its entry has one."""

    __slots__ = ("_layout", "_namespaced")

    def __init__(self, layout: KeyLayout, *, namespaced: bool) -> None:
        """:param namespaced: entries are pairs of key and namespace."""
        self._layout = layout
        self._namespaced = namespaced

    def encode(self, time: int, entry: Any) -> tuple[bytes, bytes]:
        """Return key and value."""
        key, namespace = entry if self._namespaced else (entry, None)
        data, faithful = self._layout.prefix(key, namespace)
        return encode_key(time)[0] + data, _NOTHING if faithful else with_originals((key, namespace), _NOTHING)

    def decode(self, data: bytes, value: bytes) -> tuple[int, Hashable]:
        """Return time and entry."""
        time, start = decode_key(data)
        originals = originals_of(value)
        if originals is not None:
            return time, originals if self._namespaced else originals[0]
        key, start = decode_key(data, start + GROUP_SIZE)
        return time, (key, decode_key(data, start)[0]) if self._namespaced else key

    @staticmethod
    def group(data: bytes) -> int:
        """Return the key group of a timer, by its key."""
        start = decode_key(data)[1]
        return int.from_bytes(data[start : start + GROUP_SIZE], "big")


class StoredTimerQueue(TimerQueue):
    """A :class:`TimerQueue` whose buckets are those before the boundary.

    Timers of one time come in the order in which they were set as long as they stay in memory, else in that of their
    keys. Those of one time are always in memory together.
    """

    __slots__ = ("_boundary", "_column", "_deleted", "_keys", "_later", "_rounds", "_wipe", "_write_back")

    def __init__(self, column: Column, keys: KeyLayout, write_back: WriteBack, *, namespaced: bool = False) -> None:
        super().__init__(namespaced=namespaced)
        self._column = column
        self._keys = keys
        self._write_back = write_back
        self._boundary: float = math.inf if column.is_empty else -math.inf
        self._later: dict[int, dict[Hashable, None]] = {}
        self._deleted: list[bytes] = []
        self._wipe: list[tuple[bytes, bytes]] = []
        self._rounds = 0

    def __len__(self) -> int:
        return sum(1 for _ in self.items())

    def open_bucket(self, time: int) -> dict[Hashable, None]:
        """Return the bucket of a time, until timers fire or the batch ends."""
        return super().open_bucket(time) if time < self._boundary else self._later.setdefault(time, {})

    def register(self, time: int, entry: Hashable) -> bool:
        bucket = self.buckets.get(time)
        if bucket is not None:
            bucket[entry] = None
            return False
        if time < self._boundary:
            return super().register(time, entry)
        hash(entry)
        self._later.setdefault(time, {})[entry] = None
        return not self._times and self.first() == time

    def delete(self, time: int, entry: Hashable) -> None:
        if time < self._boundary:
            super().delete(time, entry)
            return
        bucket = self._later.get(time)
        if bucket is not None:
            bucket.pop(entry, None)
        if not self._column.is_empty:
            self._deleted.append(self._layout().encode(time, entry)[0])

    def clear(self) -> None:
        super().clear()
        self._later.clear()
        self._deleted.clear()
        if not self._column.is_empty:
            self._wipe = [(b"", b"\xff" * 8)]
        self._boundary = math.inf

    def first(self) -> int | None:
        time = super().first()
        if time is None and self._boundary != math.inf:
            self._fetch()
            time = super().first()
        return time

    def items(self) -> Iterator[tuple[int, Hashable]]:
        yield from super().items()
        self._write_back.write(self)
        layout = self._layout()
        for key, value in self._column.scan_all():
            yield layout.decode(key, value)

    def restore(self, timers: Iterable[tuple[int, Hashable]]) -> None:
        rest = iter(timers)
        while some := list(islice(rest, _MOST_WAITING)):
            for time, entry in some:
                self.open_bucket(time)[entry] = None
            self.settle(must=True)

    def settle(self, *, must: bool = False) -> None:
        """Keep the memory bounded. Only while no bucket is held.

        :param must: count; else that is done once in a while.
        """
        self._rounds += 1
        if must or self._rounds % _COUNT_EVERY == 0 or len(self.buckets) > _MOST_IN_MEMORY:
            if sum(map(len, self.buckets.values())) > _MOST_IN_MEMORY:
                self._move_boundary_back()
            if sum(map(len, self._later.values())) + len(self._deleted) > _MOST_WAITING:
                self._write_back.write(self)

    def store_all(self) -> None:
        """Have no timer in memory, once changes are written."""
        for time, bucket in self.buckets.items():
            if bucket:
                self._later.setdefault(time, {}).update(bucket)
        self.buckets.clear()
        self._times.clear()
        self._boundary = math.inf if self._column.is_empty and not self._later else -math.inf

    def write_to(self, batch: WriteBatch) -> None:
        """See :class:`Buffer`."""
        column = self._column
        for first, end in self._wipe:
            column.delete_range(batch, first, end)
        column.delete_all(batch, self._deleted)
        self._wipe = []
        self._deleted = []
        later, self._later = self._later, {}
        layout = self._layout()
        for time, bucket in later.items():
            for entry in bucket:
                column.put(batch, *layout.encode(time, entry))

    def forget(self) -> None:
        """See :class:`Buffer`: what the database has by now is all there is."""
        super().clear()
        self._later.clear()
        self._deleted.clear()
        self._wipe = []
        self._boundary = math.inf if self._column.is_empty else -math.inf

    def _layout(self) -> TimerLayout:
        return TimerLayout(self._keys, namespaced=self.namespaced)

    def _fetch(self) -> None:
        """Get the next timers into memory."""
        self._write_back.write(self)
        first = b"" if self._boundary == -math.inf else encode_key(int(self._boundary))[0]
        end = b""
        count = 0
        last: int | None = None
        self._boundary = math.inf
        layout = self._layout()
        for key, value in self._column.scan(first, b"\xff" * 8):
            time, entry = layout.decode(key, value)
            if count >= _FETCHED and time != last:
                self._boundary = time
                break
            last = time
            count += 1
            super().open_bucket(time)[entry] = None
            end = key
        if count:
            self._wipe.append((first, end + b"\0"))

    def _move_boundary_back(self) -> None:
        times = sorted(self.buckets)
        kept = 0
        for index, time in enumerate(times):
            kept += len(self.buckets[time])
            if kept * 2 > _MOST_IN_MEMORY and index + 1 < len(times):
                self._boundary = times[index + 1]
                for later in times[index + 1 :]:
                    bucket = self.buckets.pop(later)
                    if bucket:
                        self._later.setdefault(later, {}).update(bucket)
                self._times[:] = self.buckets
                heapify(self._times)
                return
