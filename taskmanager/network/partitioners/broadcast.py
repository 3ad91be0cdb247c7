"""Each record to every subpartition."""

from __future__ import annotations

from millstream.common.records import RecordBatch

__all__ = ["BroadcastPartitioner"]


class BroadcastPartitioner:
    """Gives each subpartition lists of its own; the records themselves are shared in the slot."""

    __slots__ = ("_subpartitions",)

    def __init__(self, subpartitions: int) -> None:
        self._subpartitions = subpartitions

    def partition(self, batch: RecordBatch) -> list[tuple[int, RecordBatch]]:
        if not batch.values:
            return []
        times = batch.timestamps
        copies = [
            (index, RecordBatch(batch.values.copy(), None if times is None else times.copy()))
            for index in range(1, self._subpartitions)
        ]
        return [(0, batch), *copies]
