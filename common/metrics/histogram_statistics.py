"""Minimum, maximum, mean, deviation and percentiles of some numbers.

Percentiles interpolate between neighbours at position ``p * (n + 1)``, as the statistics library beneath Flink's
histograms does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["HistogramStatistics"]


@dataclass(frozen=True, slots=True)
class HistogramStatistics:
    """What the values of a histogram are like. Without values all but the extremes, which are 0, are NaN.

    :ivar count: how many values there were, including those that are forgotten.
    :ivar standard_deviation: of a sample, with ``n - 1`` in the denominator; 0 of a single value.
    """

    count: int
    minimum: float
    maximum: float
    mean: float
    standard_deviation: float
    p50: float
    p75: float
    p90: float
    p95: float
    p98: float
    p99: float
    p999: float

    @staticmethod
    def of(values: Iterable[float], count: int) -> HistogramStatistics:
        """The statistics of ``values``.

        :param count: how many there were in all.
        """
        ordered = sorted(float(value) for value in values)
        nan = math.nan
        if not ordered:
            return HistogramStatistics(count, 0.0, 0.0, nan, nan, nan, nan, nan, nan, nan, nan, nan)
        mean = min(max(math.fsum(ordered) / len(ordered), ordered[0]), ordered[-1])
        return HistogramStatistics(
            count=count,
            minimum=ordered[0],
            maximum=ordered[-1],
            mean=mean,
            standard_deviation=_deviation(ordered, mean),
            p50=quantile(ordered, 0.5),
            p75=quantile(ordered, 0.75),
            p90=quantile(ordered, 0.9),
            p95=quantile(ordered, 0.95),
            p98=quantile(ordered, 0.98),
            p99=quantile(ordered, 0.99),
            p999=quantile(ordered, 0.999),
        )


def quantile(ordered: Sequence[float], fraction: float) -> float:
    """The value below which ``fraction`` of the ``ordered`` values lie. There must be at least one."""
    position = fraction * (len(ordered) + 1)
    if position < 1:
        return ordered[0]
    if position >= len(ordered):
        return ordered[-1]
    whole = int(position)
    below, above = ordered[whole - 1], ordered[whole]
    # Between equal neighbours, infinities among them, there is nothing to interpolate.
    return below if below == above else below + (position - whole) * (above - below)


def _deviation(values: Sequence[float], mean: float) -> float:
    if len(values) < 2:
        return 0.0
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
