"""The ids and values under which REST shows the metrics of a dump.

A histogram becomes one id for each of its statistics. Every value is text: whoever computes with it reads it as a
number, and there are gauges that are none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from millstream.common.wire.metrics_pb2 import HistogramValue, MetricValue

__all__ = ["metric_values", "name_in_id"]

_BLANKED: Final = str.maketrans(dict.fromkeys(" .:,", "_"))
_BLANKED_BUT_DOTS: Final = str.maketrans(dict.fromkeys(" :,", "_"))


def name_in_id(name: str) -> str:
    """A name that somebody gave, as a part of an id: blanks, dots, colons and commas have a meaning there."""
    return name.translate(_BLANKED)


def metric_values(metric: MetricValue, *, dots: bool = True) -> Iterator[tuple[str, str]]:
    """Yield the ids of a metric within its scope, with their values.

    :param dots: whether its name may have dots, as those of fixed groups do (``Status.JVM.CPU.Load``).
    """
    parts = []
    for group in metric.groups:
        parts.append(name_in_id(group.name))
        if group.has_value:
            parts.append(name_in_id(group.value))
    parts.append(metric.name.translate(_BLANKED_BUT_DOTS if dots else _BLANKED))
    metric_id = ".".join(parts)
    match metric.WhichOneof("value"):
        case "count":
            yield metric_id, str(metric.count)
        case "number":
            yield metric_id, _number(metric.number)
        case "whole_number":
            yield metric_id, str(metric.whole_number)
        case "text":
            yield metric_id, metric.text
        case "truth":
            yield metric_id, "true" if metric.truth else "false"
        case "meter":
            yield metric_id, _number(metric.meter.rate)
        case "histogram":
            for statistic, value in _statistics(metric.histogram):
                yield f"{metric_id}_{statistic}", _number(value)
        case _:
            return  # a gauge that could not be read has no value


def _statistics(histogram: HistogramValue) -> Iterator[tuple[str, float]]:
    yield "min", histogram.minimum
    yield "max", histogram.maximum
    yield "mean", histogram.mean
    yield "median", histogram.p50
    yield "stddev", histogram.standard_deviation
    yield "p75", histogram.p75
    yield "p90", histogram.p90
    yield "p95", histogram.p95
    yield "p98", histogram.p98
    yield "p99", histogram.p99
    yield "p999", histogram.p999


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)
