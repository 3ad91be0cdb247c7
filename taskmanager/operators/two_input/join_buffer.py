"""What an interval join remembers of one input: each key's records in the order of their timestamps.

Matches of a record are a slice of another input's list, found by bisection. Records are thrown away when the watermark
has passed the last timestamp that could match. For that no record needs a timer: a key is looked at when its oldest
record has expired, and what has expired with it goes in one step. Expiry is rounded up, so that many keys share a
bucket of the timer queue and a busy key is not looked at for each of its records; that changes no result, since what
has expired is out of reach of every record that is not late.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, TypeAlias

from millstream.taskmanager.operators.batch_sizer import MAX_BATCH_RECORDS
from millstream.taskmanager.operators.loaded_values import LoadedValues
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend

__all__ = ["JoinBuffer", "SortedRecords"]

SortedRecords: TypeAlias = tuple[list[int], list[Any]]
"""Timestamps in ascending order, and the records that have them."""
_STEPS_PER_SPAN = 4


class JoinBuffer:
    """The records of one input, in a table of the state backend.

    :ivar reach_ms: a record is needed as long as the watermark is not above its timestamp plus this.
    :ivar records: those of each key; the join's loop adds to them.
    """

    __slots__ = ("_queue", "_step_ms", "reach_ms", "records")

    def __init__(self, backend: KeyedStateBackend, name: str, reach_ms: int, span_ms: int) -> None:
        """:param span_ms: the length of the join's interval; expiry is rounded up to a part of it."""
        self.reach_ms = reach_ms
        self._step_ms = max(1, span_ms // _STEPS_PER_SPAN)
        self.records = LoadedValues(backend, name)
        self._queue = backend.timers(name)

    def keys(self) -> dict[Any, SortedRecords]:
        """The records of each key."""
        return self.records.by_key

    def expire_with(self, key: Any, timestamp: int) -> None:
        """Have a key looked at when a record with this timestamp, its oldest one or so, has expired."""
        step = self._step_ms
        expiry = timestamp + self.reach_ms + 1
        self._queue.register(-(-expiry // step) * step, key)

    def expire(self, watermark: int) -> Iterator[None]:
        """Throw away what has expired, in steps that take a bounded time."""
        queue = self._queue
        keys = self.keys()
        oldest = watermark - self.reach_ms
        looked_at = 0
        in_memory = self.records.in_memory
        while (due := queue.pop_bucket(watermark)) is not None:
            if not in_memory:
                self.records.fetch(due[1])
            for key in due[1]:
                times, records = keys[key]
                expired = bisect_left(times, oldest)
                if expired == len(times):
                    del keys[key]
                else:
                    del times[:expired]
                    del records[:expired]
                    self.expire_with(key, times[0])
                looked_at += 1
                if looked_at % MAX_BATCH_RECORDS == 0:
                    yield
            if not in_memory:
                self.records.keep(due[1])
