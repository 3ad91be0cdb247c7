"""The result partition of one output edge of one task.

When to flush is the task's business: it knows the edge's buffer timeout and when it has nothing more to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from millstream.common.records import CheckpointBarrier, EndOfData, EndOfPartition, LatencyMarker, Marker, RecordBatch
from millstream.taskmanager.exchange import Chunks, ExchangeError, PartitionLostError, UnderWay
from millstream.taskmanager.exchange_usage import OutputUsage, QueueLengths
from millstream.taskmanager.network.local_subpartition import LocalSubpartition
from millstream.taskmanager.network.partitioners import Partitioner
from millstream.taskmanager.network.remote_subpartition import RemoteSubpartition
from millstream.taskmanager.network.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["PartitionEdge", "PartitionWriter"]

_OVERDRAFT = 8


@dataclass(frozen=True, slots=True)
class PartitionEdge:
    """Whose partition it is.

    :ivar consumers: which subtask reads each subpartition.
    :ivar in_line: barriers never overtake.
    """

    edge_id: str
    producer_subtask: int
    consumers: Sequence[int]
    in_line: bool


class PartitionWriter:
    """Implements :class:`millstream.taskmanager.exchange.ResultWriter`."""

    def __init__(
        self,
        name: str,
        edge: PartitionEdge,
        partitioner: Partitioner,
        most_queued_bytes: int,
        buffer_size: int,
    ) -> None:
        """
        :param name: the partition, for messages.
        :param most_queued_bytes: :attr:`has_room` is false while more waits for credit.
        :param buffer_size: bytes of a network buffer.
        """
        self._buffer_size = buffer_size
        self.bytes_out = 0
        self.records_out = 0
        self.serialize_ns = 0
        self._buffers_sent = 0
        self._samples = 0
        self._name = name
        self._edge = edge
        self._partitioner = partitioner
        self._usual_most_queued = most_queued_bytes
        self._most_queued = most_queued_bytes
        self._hurried = False
        self._queued = 0
        self._subpartitions: Sequence[LocalSubpartition | RemoteSubpartition] = ()
        self._locals: list[LocalSubpartition] = []
        self._consumed: set[int] = set()
        self._failure: Exception | None = None
        self._closed = False
        self._changed = Wakeup()
        self._barrier_left = Wakeup()
        self._release: Callable[[str], None] = lambda _: None

    def open(
        self, subpartitions: Sequence[LocalSubpartition | RemoteSubpartition], release: Callable[[str], None]
    ) -> None:
        """Give it its subpartitions.

        :param release: called once at the end, with the reason for consumers that are not done.
        """
        self._subpartitions = subpartitions
        self._locals = [one for one in subpartitions if isinstance(one, LocalSubpartition)]
        self._release = release

    # ------------------------------------------------------------ for the task

    def emit(self, batch: RecordBatch) -> None:
        if self._failure is not None or self._closed:
            return
        start = time.perf_counter_ns()
        self.records_out += len(batch.values)
        subpartitions = self._subpartitions
        for index, part in self._partitioner.partition(batch):
            subpartitions[index].add(part)
        self.serialize_ns += time.perf_counter_ns() - start

    def broadcast(self, marker: Marker) -> None:
        if self._failure is not None or self._closed:
            return
        for subpartition in self._subpartitions:
            subpartition.add_marker(marker)
        if isinstance(marker, (CheckpointBarrier, EndOfData, EndOfPartition)):
            self.flush()

    def sample(self, marker: LatencyMarker) -> None:
        if self._failure is not None or self._closed:
            return
        self._subpartitions[self._samples % len(self._subpartitions)].add_marker(marker)
        self._samples += 1

    def overtake(self, barrier: CheckpointBarrier) -> list[UnderWay]:
        if self._edge.in_line:
            self.announce(barrier)
            return []
        if self._failure is not None or self._closed:
            return []
        return self._under_way([each.overtake(barrier) for each in self._subpartitions])

    def announce(self, barrier: CheckpointBarrier) -> None:
        if self._failure is None and not self._closed:
            for subpartition in self._subpartitions:
                subpartition.announce(barrier)

    def expedite(self, checkpoint_id: int) -> list[UnderWay]:
        if self._edge.in_line or self._failure is not None or self._closed:
            return []
        return self._under_way([each.expedite(checkpoint_id) for each in self._subpartitions])

    async def wait_sent(self, checkpoint_id: int) -> None:
        while (
            not self._edge.in_line
            and self._failure is None
            and not self._closed
            and any(each.holds_barrier(checkpoint_id) for each in self._subpartitions)
        ):
            await self._barrier_left.wait()

    def _under_way(self, parts: Iterable[Chunks]) -> list[UnderWay]:
        edge = self._edge
        return [
            UnderWay(edge.edge_id, edge.producer_subtask, consumer, True, chunks)
            for consumer, chunks in zip(edge.consumers, parts, strict=True)
            if chunks
        ]

    def hurry(self, on: bool) -> None:
        self._hurried = on
        self._most_queued = self._usual_most_queued * (_OVERDRAFT if on else 1)
        if on:
            self._changed.notify()

    @property
    def has_room(self) -> bool:
        if self._queued >= self._most_queued or self._failure is not None:
            return False
        for subpartition in self._locals:  # asked between batches: a generator costs more
            if subpartition.full and (not self._hurried or subpartition.overdrawn):
                return False
        return True

    async def wait_room(self) -> None:
        while not self.has_room:
            self._raise_failure()
            await self._changed.wait()

    def flush(self) -> None:
        if self._failure is not None or self._closed:
            return
        start = time.perf_counter_ns()
        for subpartition in self._subpartitions:
            subpartition.flush()
        self.serialize_ns += time.perf_counter_ns() - start

    def finish(self) -> None:
        self.broadcast(EndOfPartition())

    async def wait_consumed(self) -> None:
        while len(self._consumed) < len(self._subpartitions):
            self._raise_failure()
            if self._closed:
                raise ExchangeError(f"{self._name} was closed before its consumers had taken everything")
            await self._changed.wait()

    def fail(self, reason: str) -> None:
        self._end(f"{self._name}: {reason}")

    def close(self) -> None:
        self._end(f"{self._name} was closed by its producer before the end")

    def usage(self) -> OutputUsage:
        most_queued = self._usual_most_queued
        fills = [self._queued / most_queued] if most_queued else []
        fills += [subpartition.fill for subpartition in self._locals]
        return OutputUsage(
            buffers_out=self._buffers_sent + sum(subpartition.batches_out for subpartition in self._locals),
            queued=QueueLengths.of([subpartition.queued for subpartition in self._subpartitions]),
            queued_bytes=self._queued,
            buffers=most_queued // self._buffer_size,
            pool_usage=max(fills, default=0.0),
        )

    # ------------------------------------------------------------ for the subpartitions

    def on_queued(self, size: int) -> None:
        was_above = self._queued >= self._most_queued
        self._queued += size
        if was_above and self._queued < self._most_queued:
            self._changed.notify()

    def on_sent(self, size: int) -> None:
        self.bytes_out += size
        self._buffers_sent += 1

    def on_room(self) -> None:
        self._changed.notify()

    def on_barrier_left(self) -> None:
        self._barrier_left.notify()

    def on_consumed(self, index: int) -> None:
        self._consumed.add(index)
        self._changed.notify()

    def on_consumer_gone(self, index: int, reason: str) -> None:
        if index not in self._consumed and not self._closed:
            self._set_failure(PartitionLostError(f"{self._name}, subpartition {index}: {reason}"))

    # ------------------------------------------------------------ inside

    def _set_failure(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = error
        self._changed.notify()
        self._barrier_left.notify()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _end(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        self._release(reason)
        for index, subpartition in enumerate(self._subpartitions):
            if index not in self._consumed:
                subpartition.fail(reason)
        self._changed.notify()
        self._barrier_left.notify()
