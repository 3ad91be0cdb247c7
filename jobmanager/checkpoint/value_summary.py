"""The least, the greatest and the average of a figure that all completed checkpoints have, and its percentiles."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

from millstream.common.wire.checkpoint_pb2 import StatisticsSummary

__all__ = ["ValueSummary"]

_WINDOW: Final = 1000
"""Percentiles are of so many values, the latest ones."""


class ValueSummary:
    """Takes note of values that are not negative."""

    __slots__ = ("_count", "_latest", "_maximum", "_minimum", "_sum")

    def __init__(self) -> None:
        self._count = 0
        self._sum = 0
        self._minimum = 0
        self._maximum = 0
        self._latest: deque[int] = deque(maxlen=_WINDOW)

    def add(self, value: int) -> None:
        """One more checkpoint is complete."""
        self._minimum = value if not self._count else min(self._minimum, value)
        self._maximum = max(self._maximum, value)
        self._count += 1
        self._sum += value
        self._latest.append(value)

    def snapshot(self) -> StatisticsSummary:
        """Return what there is to say."""
        if not self._count:
            return StatisticsSummary()
        ordered = sorted(self._latest)
        return StatisticsSummary(
            count=self._count,
            minimum=self._minimum,
            maximum=self._maximum,
            average=self._sum // self._count,
            p50=_percentile(ordered, 0.5),
            p90=_percentile(ordered, 0.9),
            p95=_percentile(ordered, 0.95),
            p99=_percentile(ordered, 0.99),
            p999=_percentile(ordered, 0.999),
        )


def _percentile(ordered: Sequence[int], quantile: float) -> float:
    """Between the two values around the place ``quantile * (n + 1)``, counted from 1."""
    place = quantile * (len(ordered) + 1)
    below = math.floor(place)
    if below < 1:
        return float(ordered[0])
    if below >= len(ordered):
        return float(ordered[-1])
    low, high = ordered[below - 1], ordered[below]
    return low + (place - below) * (high - low)
