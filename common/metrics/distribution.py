"""PyFlink's distribution: count, sum and extremes of a series over its whole length."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final

from millstream.common.metrics.histogram_statistics import HistogramStatistics
from millstream.common.metrics.metric import Metric

__all__ = ["Distribution"]

_KEPT: Final = 1024


class Distribution(Metric):
    """Keeps count, sum, minimum, maximum and the latest values of a series of numbers."""

    __slots__ = ("_latest", "count", "maximum", "minimum", "sum")

    def __init__(self) -> None:
        self.count = 0
        self.sum: float = 0
        self.minimum: float | None = None
        self.maximum: float | None = None
        self._latest: deque[float] = deque(maxlen=_KEPT)

    def update(self, value: float) -> None:
        """Record one value."""
        self.count += 1
        self.sum += value
        self.minimum = value if self.minimum is None or value < self.minimum else self.minimum
        self.maximum = value if self.maximum is None or value > self.maximum else self.maximum
        self._latest.append(value)

    def latest(self) -> list[float]:
        """The most recent values, oldest first."""
        return list(self._latest)

    def get_statistics(self) -> HistogramStatistics:
        """Count, extremes and mean of all values; deviation and percentiles of the latest."""
        statistics = HistogramStatistics.of(self.latest(), self.count)
        if self.minimum is None or self.maximum is None or not self.count:
            return statistics
        return replace(statistics, minimum=float(self.minimum), maximum=float(self.maximum), mean=self.sum / self.count)
