"""How the values of a series spread, told from the latest of them."""

from __future__ import annotations

from collections import deque

from millstream.common.metrics.histogram_statistics import HistogramStatistics
from millstream.common.metrics.metric import Metric

__all__ = ["Histogram"]


class Histogram(Metric):
    """Keeps the latest values of a series of numbers and their statistics.

    :param size: how many values are kept; statistics are of these.
    """

    __slots__ = ("_count", "_latest")

    def __init__(self, size: int = 1024) -> None:
        if size < 1:
            raise ValueError(f"a histogram keeps at least 1 value, not {size}")
        self._count = 0
        self._latest: deque[float] = deque(maxlen=size)

    def update(self, value: float) -> None:
        """Record one value."""
        self._count += 1
        self._latest.append(value)

    def get_count(self) -> int:
        """How many values were recorded, including those that are no longer kept."""
        return self._count

    def get_statistics(self) -> HistogramStatistics:
        """Of the values that are kept."""
        # A list made in one step stands still while another thread goes on recording.
        return HistogramStatistics.of(list(self._latest), self._count)
