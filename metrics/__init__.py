"""Metrics of user functions, under PyFlink's name; what they are is in :mod:`millstream.common.metrics`."""

from __future__ import annotations

from millstream.metrics.metricbase import Counter, Distribution, Meter, Metric, MetricGroup

__all__ = ["Counter", "Distribution", "Meter", "Metric", "MetricGroup"]
