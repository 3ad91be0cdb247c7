"""The result partition of one output edge of one task.

When to flush is the task's business: it knows the edge's buffer timeout and when it has nothing more to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from millstream.common.records import CheckpointBarrier, EndOfData, EndOfPartition, Marker, RecordBatch
from millstream.taskmanager.exchange import ExchangeError, PartitionLostError
from millstream.taskmanager.network.local_subpartition import LocalSubpartition
from millstream.taskmanager.network.partitioners import Partitioner
from millstream.taskmanager.network.remote_subpartition import RemoteSubpartition
from millstream.taskmanager.network.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PartitionWriter"]


class PartitionWriter:
    """Implements :class:`millstream.taskmanager.exchange.ResultWriter`."""

    def __init__(self, name: str, partitioner: Partitioner, most_queued_bytes: int) -> None:
        """
        :param name: the partition, for messages.
        :param most_queued_bytes: :attr:`has_room` is false while more waits for credit.
        """
        self.bytes_out = 0
        self.records_out = 0
        self.serialize_ns = 0
        self._name = name
        self._partitioner = partitioner
        self._most_queued = most_queued_bytes
        self._queued = 0
        self._subpartitions: Sequence[LocalSubpartition | RemoteSubpartition] = ()
        self._locals: list[LocalSubpartition] = []
        self._consumed: set[int] = set()
        self._failure: Exception | None = None
        self._closed = False
        self._changed = Wakeup()
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

    @property
    def has_room(self) -> bool:
        if self._queued >= self._most_queued or self._failure is not None:
            return False
        for subpartition in self._locals:  # noqa: SIM110  # asked between batches: a generator costs more
            if subpartition.full:
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

    # ------------------------------------------------------------ for the subpartitions

    def on_queued(self, size: int) -> None:
        was_above = self._queued >= self._most_queued
        self._queued += size
        if was_above and self._queued < self._most_queued:
            self._changed.notify()

    def on_sent(self, size: int) -> None:
        self.bytes_out += size

    def on_room(self) -> None:
        self._changed.notify()

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
