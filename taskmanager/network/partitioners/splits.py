"""Each split goes to the reader that it was assigned to."""

from __future__ import annotations

from millstream.common.records import RecordBatch
from millstream.taskmanager.network.partitioners.partitioner import split

__all__ = ["SplitPartitioner"]


class SplitPartitioner:
    """For the records of an enumerator, which are pairs of a reader's index and a split."""

    __slots__ = ("_count",)

    def __init__(self, subpartitions: int) -> None:
        self._count = subpartitions

    def partition(self, batch: RecordBatch) -> list[tuple[int, RecordBatch]]:
        return split(batch, [reader for reader, _ in batch.values], self._count)
