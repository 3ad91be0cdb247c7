"""The interface of partitioners, and how batches are split."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import compress
from typing import Any, Final, Protocol

from millstream.common.records import RecordBatch

__all__ = ["FEW", "Partitioner", "split"]

FEW: Final = 3
"""So many subpartitions are split in another way than more are."""

# For each of the first subpartitions, a table that turns its own index into 1 and every other into 0.
_EQUAL: Final = [bytes(number == index for number in range(256)) for index in range(FEW)]


class Partitioner(Protocol):
    """Splits the batches of one result partition."""

    def partition(self, batch: RecordBatch) -> Iterable[tuple[int, RecordBatch]]:
        """Return what goes where: (subpartition, records for it), without empty batches.

        Records that go to the same subpartition keep their order. The batch may be taken apart or passed on.
        """
        ...


def split(
    batch: RecordBatch,
    indexes: Sequence[int],
    subpartitions: int,
    keys: list[Any] | None = None,
    keyed: Collection[int] = (),
) -> list[tuple[int, RecordBatch]]:
    """Return the records by subpartition.

    :param indexes: the subpartition of each record.
    :param keys: the key of each record.
    :param keyed: subpartitions whose records are to have their keys, if there are at most :data:`FEW` in all.
    """
    values, times = batch.values, batch.timestamps
    if subpartitions > FEW:
        parts = _by_index(values, indexes, subpartitions)
        time_parts = [None] * subpartitions if times is None else _by_index(times, indexes, subpartitions)
        return [(index, RecordBatch(part, time_parts[index])) for index, part in enumerate(parts) if part]
    # A pass over all records per subpartition, in C, is faster than one in Python as long as there are few.
    flags = bytes(indexes)
    result: list[tuple[int, RecordBatch]] = []
    for index in range(subpartitions):
        pick = flags.translate(_EQUAL[index])
        part = list(compress(values, pick))
        if part:
            part_times = None if times is None else list(compress(times, pick))
            part_keys = None if keys is None or index not in keyed else list(compress(keys, pick))
            result.append((index, RecordBatch(part, part_times, part_keys)))
    return result


def _by_index(items: Sequence[Any], indexes: Sequence[int], count: int) -> list[Any]:
    parts: list[list[Any]] = [[] for _ in range(count)]
    appends = [part.append for part in parts]
    for item, index in zip(items, indexes, strict=True):
        appends[index](item)
    return parts
