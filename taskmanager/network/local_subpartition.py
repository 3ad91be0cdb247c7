"""A subpartition that is read in the same slot: a bounded queue of batches, by reference."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any, Final, Protocol

from millstream.common.records import CheckpointBarrier, Element, EndOfPartition, Marker, RecordBatch
from millstream.taskmanager.network.element_codec import encode_elements
from millstream.taskmanager.network.subpartition import SubpartitionOwner

__all__ = ["LocalReader", "LocalSubpartition"]

_MOST_BATCHES: Final = 8
_MOST_RECORDS: Final = 1024
_OVERDRAFT: Final = 8
_ENOUGH_RECORDS: Final = 128  # smaller batches are put together, for a consumer's work per batch


class LocalReader(Protocol):
    """The input channel at the other end."""

    def on_data(self) -> None:
        """There is an element to take."""
        ...

    def on_barrier(self, barrier: CheckpointBarrier, overtakes: bool) -> None:
        """A barrier comes: with this, ahead of what is queued, or in line."""
        ...

    def on_failed(self, reason: str) -> None:
        """Nothing will come any more."""
        ...


class LocalSubpartition:
    """Queue between two tasks of one slot.

    :ivar batches_out: batches and markers that were put into it so far.
    """

    __slots__ = ("_batch", "_failed", "_index", "_owner", "_queue", "_reader", "_records", "_unsaid", "batches_out")

    def __init__(self, index: int, owner: SubpartitionOwner) -> None:
        self._index = index
        self._owner = owner
        self._queue: deque[Element] = deque()
        self._records = 0
        self._batch: RecordBatch | None = None  # being put together
        self._reader: LocalReader | None = None
        self._unsaid: list[tuple[CheckpointBarrier, bool]] = []  # barriers that came before the reader
        self._failed = False
        self.batches_out = 0

    # ------------------------------------------------------------ producer

    def add(self, batch: RecordBatch) -> None:
        held = self._batch
        if held is not None:
            batch = _joined(held, batch)
        if len(batch.values) >= _ENOUGH_RECORDS:
            self._batch = None
            self._put(batch)
        else:
            self._batch = batch

    def add_marker(self, marker: Marker) -> None:
        self.flush()
        self._put(marker)

    def flush(self) -> None:
        batch = self._batch
        if batch is not None:
            self._batch = None
            self._put(batch)

    @property
    def full(self) -> bool:
        return self._records >= _MOST_RECORDS or len(self._queue) >= _MOST_BATCHES

    @property
    def overdrawn(self) -> bool:
        return self._records >= _MOST_RECORDS * _OVERDRAFT or len(self._queue) >= _MOST_BATCHES * _OVERDRAFT

    def overtake(self, barrier: CheckpointBarrier) -> list[bytes]:
        if self._failed:
            return []
        self.flush()
        self._say(barrier, overtakes=True)
        # Encoded now: once the consumer has a batch it may do with it what it likes.
        return encode_elements(self._queue)

    def announce(self, barrier: CheckpointBarrier) -> None:
        self.add_marker(barrier)
        self._say(barrier, overtakes=False)

    def expedite(self, checkpoint_id: int) -> list[bytes]:
        for index, element in enumerate(self._queue):
            if isinstance(element, CheckpointBarrier) and element.checkpoint_id == checkpoint_id:
                del self._queue[index]
                self._say(element, overtakes=True)
                return encode_elements(islice(self._queue, index))
        return []

    def holds_barrier(self, checkpoint_id: int) -> bool:
        return any(
            isinstance(element, CheckpointBarrier) and element.checkpoint_id == checkpoint_id for element in self._queue
        )

    def _say(self, barrier: CheckpointBarrier, *, overtakes: bool) -> None:
        if self._failed:
            return
        if self._reader is None:
            self._unsaid.append((barrier, overtakes))
        else:
            self._reader.on_barrier(barrier, overtakes)

    def fail(self, reason: str) -> None:
        if not self._failed:
            self._failed = True
            self._queue.clear()
            self._batch = None
            if self._reader is not None:
                self._reader.on_failed(reason)

    def _put(self, element: Element) -> None:
        if self._failed:
            return
        self._queue.append(element)
        self.batches_out += 1
        if isinstance(element, RecordBatch):
            self._records += len(element.values)
        if self._reader is not None:
            self._reader.on_data()

    # ------------------------------------------------------------ consumer

    def attach(self, reader: LocalReader) -> bool:
        """Connect the reading end; false if there is one already."""
        if self._reader is not None:
            return False
        self._reader = reader
        if self._queue:
            reader.on_data()
        for barrier, overtakes in self._unsaid:
            reader.on_barrier(barrier, overtakes)
        self._unsaid.clear()
        return True

    @property
    def queued(self) -> int:
        """Elements that wait to be taken."""
        return len(self._queue)

    @property
    def fill(self) -> float:
        """How full it is; from 1 on it is :attr:`full`."""
        return max(self._records / _MOST_RECORDS, len(self._queue) / _MOST_BATCHES)

    def has_element(self) -> bool:
        """There is something to take."""
        return bool(self._queue)

    def take(self) -> Element:
        """Take the next element.

        :raises IndexError: there is none.
        """
        was_full = self.full
        element = self._queue.popleft()
        if isinstance(element, RecordBatch):
            self._records -= len(element.values)
        elif isinstance(element, EndOfPartition):
            self._owner.on_consumed(self._index)
        elif isinstance(element, CheckpointBarrier):
            self._owner.on_barrier_left()
        if was_full and not self.full:
            self._owner.on_room()
        return element

    def abandon(self, reason: str) -> None:
        """The reader has gone before the end."""
        if not self._failed:
            self._failed = True
            self._queue.clear()
            self._records = 0
            self._batch = None
            self._owner.on_consumer_gone(self._index, reason)


def _joined(first: RecordBatch, second: RecordBatch) -> RecordBatch:
    """Return the records of both; the first batch's lists are used for it."""
    count = len(first.values)
    first.timestamps = joined_timestamps(first.timestamps, count, second.timestamps, len(second.values))
    if first.keys is not None and second.keys is not None:
        first.keys.extend(second.keys)
    else:
        first.keys = None
    first.values.extend(second.values)
    return first


def joined_timestamps(
    first: list[int | None] | None, first_count: int, second: list[int | None] | None, second_count: int
) -> list[Any] | None:
    """Return the timestamps of records put together, where either part may have none."""
    if first is None and second is None:
        return None
    if first is None:
        first = [None] * first_count
    first.extend([None] * second_count if second is None else second)
    return first
