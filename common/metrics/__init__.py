"""Metrics: the kinds that programs register, the groups they are in, and what they belong to.

Here is what a user function and a slot worker need, and it is light. Dumps
(:mod:`~millstream.common.metrics.metric_dump`), scope formats, figures of the process and reporters have modules of
their own, which the processes that report import.
"""

from __future__ import annotations

from millstream.common.metrics.counter import Counter, CounterView
from millstream.common.metrics.distribution import Distribution
from millstream.common.metrics.gauge import Gauge, GaugeValue
from millstream.common.metrics.histogram import Histogram
from millstream.common.metrics.histogram_statistics import HistogramStatistics
from millstream.common.metrics.meter import Meter, MeterView
from millstream.common.metrics.metric import Metric
from millstream.common.metrics.metric_group import MetricGroup
from millstream.common.metrics.metric_scope import MetricScope, ScopeKind
from millstream.common.metrics.rate_window import UPDATE_SECONDS

__all__ = [
    "UPDATE_SECONDS",
    "Counter",
    "CounterView",
    "Distribution",
    "Gauge",
    "GaugeValue",
    "Histogram",
    "HistogramStatistics",
    "Meter",
    "MeterView",
    "Metric",
    "MetricGroup",
    "MetricScope",
    "ScopeKind",
]
