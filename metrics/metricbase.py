"""Metrics of user functions, under PyFlink's module name."""

from __future__ import annotations

from millstream.common.metrics import Counter, Distribution, Meter, Metric, MetricGroup

__all__ = ["Counter", "Distribution", "Meter", "Metric", "MetricGroup"]
