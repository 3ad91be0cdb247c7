"""The user decides."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from operator import index as as_index
from typing import Any

from millstream.common.records import RecordBatch
from millstream.taskmanager.network.partitioners.partitioner import split
from millstream.taskmanager.network.partitioners.user_call import PartitionerFunctionError, map_records

__all__ = ["CustomPartitioner"]


class CustomPartitioner:
    """Asks the user's partitioner with each record's key and the number of partitions."""

    __slots__ = ("_count", "_function", "_select")

    def __init__(self, key_selector: Callable[[Any], Any], partitioner: Any, subpartitions: int) -> None:
        """:param partitioner: a callable, or an object with ``partition(key, num_partitions)``."""
        method = getattr(partitioner, "partition", None)
        function = method if callable(method) else partitioner
        if not callable(function):
            raise TypeError(f"partitioner {partitioner!r} is neither callable nor has partition(key, num_partitions)")
        self._function = function
        self._select = key_selector
        self._count = subpartitions

    def partition(self, batch: RecordBatch) -> list[tuple[int, RecordBatch]]:
        values = batch.values
        keys = map_records("get_key", self._select, values)
        indexes = map_records("partition", self._function, values, keys, repeat(self._count))
        allowed = range(self._count)
        for position, chosen in enumerate(indexes):
            # A bool or a float like 1.0 is equal to a number in the range, but 0.5 must be told apart from it.
            if type(chosen) is not int:
                try:
                    indexes[position] = chosen = as_index(chosen)
                except TypeError:
                    chosen = -1
            if chosen not in allowed:
                error = ValueError(
                    f"the partitioner returned {indexes[position]!r} for key {keys[position]!r}; "
                    f"it must return an int from 0 to {self._count - 1}, the number of partitions less one"
                )
                raise PartitionerFunctionError("partition", values[position], error) from error
        return split(batch, indexes, self._count)
