"""Chooses the subtask that gets a record."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function

__all__ = ["Partitioner"]


class Partitioner(Function):
    """Chooses a subtask by the key that ``partition_custom``'s key selector gives.

    An instance can be called like the plain callables that ``partition_custom`` takes as well.
    """

    @abstractmethod
    def partition(self, key: Any, num_partitions: int) -> int:
        """Return the subtask's index, from 0 to ``num_partitions - 1``."""
        raise NotImplementedError(f"{type(self).__name__} must define partition(key, num_partitions)")

    def __call__(self, key: Any, num_partitions: int) -> int:
        return self.partition(key, num_partitions)
