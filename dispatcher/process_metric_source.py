"""The metrics of the master's own process, whether it leads or stands by."""

from __future__ import annotations

import asyncio

from millstream.common.config import Configuration, JobManagerOptions
from millstream.common.metrics import UPDATE_SECONDS, MetricGroup, MetricScope
from millstream.common.metrics.metric_dump import dump_group
from millstream.common.metrics.process_metrics import ProcessMetrics
from millstream.common.metrics.system_resource_metrics import register_system_resource_metrics
from millstream.common.wire.metrics_pb2 import MetricGroupDump

__all__ = ["ProcessMetricSource"]


class ProcessMetricSource:
    """Begins to look at the process when it is first asked, and keeps the rates up to date from then on.

    Its methods belong to one event loop.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.scope = MetricScope.job_manager(configuration.get(JobManagerOptions.ADDRESS))
        """What the process is, as metrics name it."""
        self._configuration = configuration
        self._group = MetricGroup()
        self._metrics: ProcessMetrics | None = None
        self._timer: asyncio.TimerHandle | None = None

    def dump(self) -> MetricGroupDump:
        """Return the metrics of the process, and of its host if ``metrics.system-resource`` asks for them."""
        if self._metrics is None:
            self._metrics = ProcessMetrics(self._group)
            register_system_resource_metrics(self._group, self._configuration)
            self._update()
        return dump_group(self.scope, self._group)

    def close(self) -> None:
        """Look at the process no more. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._metrics is not None:
            self._metrics.close()

    def _update(self) -> None:
        loop = asyncio.get_running_loop()
        self._group.update(loop.time())
        self._timer = loop.call_later(UPDATE_SECONDS, self._update)
