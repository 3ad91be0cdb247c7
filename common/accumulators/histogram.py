"""How often each whole number was added."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index

from millstream.common.accumulators.accumulator import Accumulator

__all__ = ["Histogram"]


class Histogram(Accumulator[int, dict[int, int]]):
    """Counts each value by itself, so it is for few different ones. They have to fit into 64 bits.

    Not :class:`millstream.common.metrics.Histogram`, which is the metric.
    """

    __slots__ = ("_counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts: dict[int, int] = dict(counts or {})

    def add(self, value: int) -> None:
        """:raises TypeError: it is not a whole number."""
        number = index(value)
        self._counts[number] = self._counts.get(number, 0) + 1

    def get_local_value(self) -> dict[int, int]:
        """Value -> how often it was added, in the order of values."""
        return dict(sorted(self._counts.copy().items()))

    def reset_local(self) -> None:
        self._counts = {}

    def merge(self, other: Histogram) -> None:
        for number, count in other._counts.items():
            self._counts[number] = self._counts.get(number, 0) + count
