"""Metrics as numbers with names, for systems that know nothing else.

A histogram becomes a number for each of its statistics, a meter two. Texts are left out, and so is what is not finite:
neither Graphite nor StatsD can say NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.wire.metrics_pb2 import HistogramValue, MeterValue

__all__ = ["Naming", "numbers"]


@dataclass(frozen=True, slots=True)
class Naming:
    """What is put behind the name of a metric.

    :ivar count: behind a counter's.
    :ivar rate: behind a meter's, for its rate.
    """

    count: str
    rate: str


def numbers(metric: ReportedMetric, naming: Naming) -> Iterator[tuple[str, float]]:
    """The finite numbers of a metric, each with what is put behind the metric's name."""
    for suffix, number in _all_numbers(metric, naming):
        if math.isfinite(number):
            yield suffix, number


def _all_numbers(metric: ReportedMetric, naming: Naming) -> Iterator[tuple[str, float]]:
    value = metric.value
    if isinstance(value, HistogramValue):
        yield ".count", value.count
        yield ".max", value.maximum
        yield ".mean", value.mean
        yield ".min", value.minimum
        yield ".stddev", value.standard_deviation
        yield ".p50", value.p50
        yield ".p75", value.p75
        yield ".p95", value.p95
        yield ".p98", value.p98
        yield ".p99", value.p99
        yield ".p999", value.p999
    elif isinstance(value, MeterValue):
        yield ".count", value.count
        yield naming.rate, value.rate
    elif not isinstance(value, str):
        yield naming.count if metric.kind == "counter" else "", int(value) if isinstance(value, bool) else value
