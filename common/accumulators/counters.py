"""Sums of numbers."""

from __future__ import annotations

from operator import index

from millstream.common.accumulators.accumulator import Accumulator

__all__ = ["DoubleCounter", "IntCounter", "LongCounter", "WholeCounter"]


class WholeCounter(Accumulator[int, int]):
    """A sum of whole numbers, exact whatever its size."""

    __slots__ = ("_sum",)

    def __init__(self, value: int = 0) -> None:
        self._sum = index(value)

    def add(self, value: int) -> None:
        """:raises TypeError: it is not a whole number."""
        self._sum += index(value)

    def get_local_value(self) -> int:
        return self._sum

    def reset_local(self) -> None:
        self._sum = 0

    def merge(self, other: WholeCounter) -> None:
        self._sum += other._sum


class IntCounter(WholeCounter):
    """A sum of whole numbers."""

    __slots__ = ()


class LongCounter(WholeCounter):
    """A sum of whole numbers, as :class:`IntCounter`; Flink's name for one of 64 bits."""

    __slots__ = ()


class DoubleCounter(Accumulator[float, float]):
    """A sum of floating-point numbers."""

    __slots__ = ("_sum",)

    def __init__(self, value: float = 0.0) -> None:
        self._sum = float(value)

    def add(self, value: float) -> None:
        self._sum += float(value)

    def get_local_value(self) -> float:
        return self._sum

    def reset_local(self) -> None:
        self._sum = 0.0

    def merge(self, other: DoubleCounter) -> None:
        self._sum += other._sum
