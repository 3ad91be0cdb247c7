"""The interface of partitioners, and how batches are split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from millstream.common.records import RecordBatch

__all__ = ["Partitioner", "split"]


class Partitioner(Protocol):
    """Splits the batches of one result partition."""

    def partition(self, batch: RecordBatch) -> Iterable[tuple[int, RecordBatch]]:
        """Return what goes where: (subpartition, records for it), without empty batches.

        Records that go to the same subpartition keep their order. The batch may be taken apart or passed on.
        """
        ...


def split(batch: RecordBatch, indexes: Sequence[int], subpartitions: int) -> list[tuple[int, RecordBatch]]:
    """Return the records by subpartition; ``indexes`` has one for each."""
    parts = _by_index(batch.values, indexes, subpartitions)
    if batch.timestamps is None:
        return [(index, RecordBatch(part)) for index, part in enumerate(parts) if part]
    times = _by_index(batch.timestamps, indexes, subpartitions)
    return [(index, RecordBatch(part, times[index])) for index, part in enumerate(parts) if part]


def _by_index(items: Sequence[Any], indexes: Sequence[int], count: int) -> list[list[Any]]:
    parts: list[list[Any]] = [[] for _ in range(count)]
    appends = [part.append for part in parts]
    for item, index in zip(items, indexes, strict=True):
        appends[index](item)
    return parts
