"""All values that were added."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from millstream.common.accumulators.accumulator import Accumulator

__all__ = ["ListAccumulator"]

T = TypeVar("T")


class ListAccumulator(Accumulator[T, list[T]]):
    """Keeps each value, so it is for few. Those of one task are in the order in which they were added; which task
    comes first is not defined.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[T] = ()) -> None:
        self._values = list(values)

    def add(self, value: T) -> None:
        self._values.append(value)

    def get_local_value(self) -> list[T]:
        return self._values.copy()

    def reset_local(self) -> None:
        self._values = []

    def merge(self, other: ListAccumulator[T]) -> None:
        self._values += other._values
