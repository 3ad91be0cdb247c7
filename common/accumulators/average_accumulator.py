"""The mean of numbers."""

from __future__ import annotations

from millstream.common.accumulators.accumulator import Accumulator

__all__ = ["AverageAccumulator"]


class AverageAccumulator(Accumulator[float, float]):
    """The arithmetic mean; 0.0 of nothing.

    :ivar count: numbers that were added.
    :ivar total: their sum.
    """

    __slots__ = ("count", "total")

    def __init__(self, count: int = 0, total: float = 0.0) -> None:
        self.count = count
        self.total = float(total)

    def add(self, value: float) -> None:
        self.total += float(value)
        self.count += 1

    def get_local_value(self) -> float:
        return self.total / self.count if self.count else 0.0

    def reset_local(self) -> None:
        self.count = 0
        self.total = 0.0

    def merge(self, other: AverageAccumulator) -> None:
        self.count += other.count
        self.total += other.total
