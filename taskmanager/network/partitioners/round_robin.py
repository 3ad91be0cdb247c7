"""Records in turn over all subpartitions: rebalance (all of the consumer's subtasks) and rescale (some of them)."""

from __future__ import annotations

from millstream.common.records import RecordBatch

__all__ = ["RoundRobinPartitioner"]


class RoundRobinPartitioner:
    """One record each, in turn, over batches too."""

    __slots__ = ("_next", "_subpartitions")

    def __init__(self, subpartitions: int, first: int = 0) -> None:
        """:param first: where to begin; at random, many producers do not all load the same consumer first."""
        self._subpartitions = subpartitions
        self._next = first % subpartitions

    def partition(self, batch: RecordBatch) -> list[tuple[int, RecordBatch]]:
        count = self._subpartitions
        records = len(batch)
        if not records:
            return []
        if count == 1:
            return [(0, batch)]
        first = self._next
        self._next = (first + records) % count
        values, times = batch.values, batch.timestamps
        return [
            (
                (first + offset) % count,
                RecordBatch(values[offset::count], None if times is None else times[offset::count]),
            )
            for offset in range(min(count, records))
        ]
