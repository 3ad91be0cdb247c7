"""All records to the first subpartition: forward (the one there is) and global."""

from __future__ import annotations

from millstream.common.records import RecordBatch

__all__ = ["SinglePartitioner"]


class SinglePartitioner:
    """Passes batches on as they are."""

    __slots__ = ()

    def partition(self, batch: RecordBatch) -> list[tuple[int, RecordBatch]]:
        return [(0, batch)] if batch.values else []
