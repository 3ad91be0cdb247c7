"""Metric groups as they stand, in the form that goes over the wire.

Everything that shows or reports metrics reads a dump, so that a process looks at its metrics only when somebody asks.
What a user's metric does wrong stays with that metric: it is left out, and the log says so once.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import SupportsFloat, SupportsIndex

from millstream.common.metrics.counter import Counter, CounterView
from millstream.common.metrics.distribution import Distribution
from millstream.common.metrics.gauge import Gauge
from millstream.common.metrics.histogram import Histogram
from millstream.common.metrics.histogram_statistics import HistogramStatistics
from millstream.common.metrics.meter import Meter, MeterView
from millstream.common.metrics.metric import Metric
from millstream.common.metrics.metric_group import MetricGroup
from millstream.common.metrics.metric_scope import MetricScope
from millstream.common.wire.metrics_pb2 import (
    HistogramValue,
    MeterValue,
    MetricGroupDump,
    MetricUserGroup,
    MetricValue,
)

__all__ = ["dump_group"]

_WHOLE = range(-(2**63), 2**63)


def dump_group(scope: MetricScope, group: MetricGroup) -> MetricGroupDump:
    """All metrics of a group and of the groups below it.

    :param scope: what ``group`` is the group of.
    """
    return MetricGroupDump(scope=scope.kind.value, variables=scope.variables, metrics=_values(group, ()))


def _values(group: MetricGroup, above: tuple[MetricUserGroup, ...]) -> Iterator[MetricValue]:
    for name, metric in group.metrics():
        try:
            value = _value(metric)
            if value is not None:
                value.name = name
                value.groups.extend(above)
        except Exception as error:  # noqa: BLE001  # a user's gauge may raise anything; it is told once
            group.report_broken(name, error)
        else:
            if value is not None:
                yield value
    for part, below in group.groups():
        key = MetricUserGroup(name=part[0]) if len(part) == 1 else _key_value(*part)
        yield from _values(below, (*above, key))


def _key_value(name: str, value: str) -> MetricUserGroup:
    return MetricUserGroup(name=name, has_value=True, value=value)


def _value(metric: Metric) -> MetricValue | None:
    if isinstance(metric, (Counter, CounterView)):
        return MetricValue(count=_limited(metric.get_count()))
    if isinstance(metric, Gauge):
        return _gauge(metric.get_value())
    if isinstance(metric, (Meter, MeterView)):
        return MetricValue(meter=MeterValue(rate=metric.get_rate(), count=_limited(metric.get_count())))
    if isinstance(metric, (Histogram, Distribution)):
        return MetricValue(histogram=_histogram(metric.get_statistics()))
    raise TypeError(f"{type(metric).__name__} is no kind of metric that can be reported")


def _gauge(value: object) -> MetricValue | None:
    """What a gauge gave; numbers of other libraries count as numbers, whatever else there is as its text."""
    if value is None:
        return None
    if isinstance(value, bool):
        return MetricValue(truth=value)
    if isinstance(value, str):
        return MetricValue(text=value)
    if isinstance(value, SupportsIndex):
        whole = operator.index(value)
        return MetricValue(whole_number=whole) if whole in _WHOLE else MetricValue(number=float(whole))
    if isinstance(value, SupportsFloat):
        return MetricValue(number=float(value))
    return MetricValue(text=str(value))


def _limited(count: int) -> int:
    """A count that fits 64 bits."""
    return min(max(int(count), _WHOLE.start), _WHOLE.stop - 1)


def _histogram(statistics: HistogramStatistics) -> HistogramValue:
    return HistogramValue(
        count=statistics.count,
        minimum=statistics.minimum,
        maximum=statistics.maximum,
        mean=statistics.mean,
        standard_deviation=statistics.standard_deviation,
        p50=statistics.p50,
        p75=statistics.p75,
        p90=statistics.p90,
        p95=statistics.p95,
        p98=statistics.p98,
        p99=statistics.p99,
        p999=statistics.p999,
    )
