"""Metrics to report, made the way a process makes them."""

from __future__ import annotations

from collections.abc import Sequence

from millstream.common.config.configuration import Configuration
from millstream.common.metrics import MetricGroup, MetricScope
from millstream.common.metrics.metric_dump import dump_group
from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.scope_formats import ScopeFormats
from millstream.common.wire.metrics_pb2 import MetricDump

TASK_MANAGER = MetricScope.task_manager("127.0.0.1", "127.0.0.1:44315-239bff")
JOB = TASK_MANAGER.job("0b1f", "Demo Job")
TASK = JOB.task("f362", "Source: Demo -> Map", "de38_f362_0_0", 0, 0)
OPERATOR = TASK.operator("90be", "Map")


def configuration(name: str, **parameters: str) -> Configuration:
    """Settings of the reporter ``name``; a double underscore in a parameter stands for a dot."""
    prefix = f"metrics.reporter.{name}."
    return Configuration.from_map({prefix + key.replace("__", "."): value for key, value in parameters.items()})


def settings(**parameters: str) -> ReporterSettings:
    """The settings of a reporter called ``r``."""
    return ReporterSettings("r", configuration("r", **parameters))


def formats(**options: str) -> ScopeFormats:
    """Scope formats; the keywords are the last words of keys, such as ``tm="<host>.tm"``."""
    return ScopeFormats.of(Configuration.from_map({f"metrics.scope.{key}": text for key, text in options.items()}))


def dump(group: MetricGroup, scope: MetricScope = TASK_MANAGER, timestamp_ms: int = 1_700_000_000_123) -> MetricDump:
    """A process's dump with the metrics of one group."""
    return MetricDump(groups=[dump_group(scope, group)], timestamp_ms=timestamp_ms)


def reported(
    group: MetricGroup, scope: MetricScope = TASK_MANAGER, made: ScopeFormats | None = None, **parameters: str
) -> Sequence[ReportedMetric]:
    """The metrics of a group as a reporter with these settings, and formats ``made`` elsewhere, gets them."""
    return settings(**parameters).selection(made or formats()).select(dump(group, scope))


def one_of_each() -> MetricGroup:
    """A group with a metric of each kind and a gauge of each type."""
    group = MetricGroup()
    group.counter("count").inc(7)
    group.gauge("whole", lambda: 42)
    group.gauge("negative", lambda: -1.5)
    group.gauge("truth", lambda: True)
    group.gauge("text", lambda: "s3://bucket/chk-1")
    group.gauge("unknown", lambda: float("nan"))
    group.gauge("endless", lambda: float("inf"))
    meter = group.meter("rate")
    meter.mark_event(50)
    group.update(100.0)
    histogram = group.add_group("source_id", "abc").histogram("latency")
    for value in range(1, 100):
        histogram.update(value)
    return group
