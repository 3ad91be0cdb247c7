"""Each record to a subpartition drawn at random."""

from __future__ import annotations

import random

from millstream.common.records import RecordBatch
from millstream.taskmanager.network.partitioners.partitioner import split

__all__ = ["ShufflePartitioner"]


class ShufflePartitioner:
    """Uniformly random, from an injected source."""

    __slots__ = ("_indexes", "_random")

    def __init__(self, subpartitions: int, source: random.Random) -> None:
        self._indexes = range(subpartitions)
        self._random = source

    def partition(self, batch: RecordBatch) -> list[tuple[int, RecordBatch]]:
        return split(batch, self._random.choices(self._indexes, k=len(batch)), len(self._indexes))
