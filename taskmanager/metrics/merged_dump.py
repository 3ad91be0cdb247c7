"""A dump of an operator's metrics: the system's own, and those that its functions have registered.

Both have the same scope, and a name stands for one metric only. The system's come first; a user's metric that takes one
of their names is left out, as it would be in Flink, which says so in the log when it is registered.
"""

from __future__ import annotations

from millstream.common.metrics import MetricGroup, MetricScope
from millstream.common.metrics.metric_dump import dump_group
from millstream.common.wire.metrics_pb2 import MetricGroupDump

__all__ = ["merged_dump"]


def merged_dump(scope: MetricScope, system: MetricGroup, user: MetricGroup | None = None) -> MetricGroupDump:
    """Return all metrics of one scope."""
    dump = dump_group(scope, system)
    if user is not None:
        taken = {metric.name for metric in dump.metrics if not metric.groups}
        of_user = dump_group(scope, user).metrics
        dump.metrics.extend(metric for metric in of_user if metric.groups or metric.name not in taken)
    return dump
