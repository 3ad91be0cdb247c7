"""Metrics that user functions register: counters, gauges, meters and distributions in named groups."""

from __future__ import annotations

from millstream.common.metrics.metric_group import Counter, Distribution, Meter, Metric, MetricGroup

__all__ = ["Counter", "Distribution", "Meter", "Metric", "MetricGroup"]
