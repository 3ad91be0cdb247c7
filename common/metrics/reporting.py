"""Runs the reporters of a process: the master has them, and the daemon of each TaskManager.

Reporters must not harm the process or each other. Each pushes from a task of its own, the blocking part in a thread;
what fails is logged, at most once a minute, and tried again at the next interval. Wrong settings, in contrast, are
told at once: a process does not start with them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from millstream.common.config.configuration import Configuration
from millstream.common.metrics.complaints import Complaints
from millstream.common.metrics.metric_selection import MetricSelection
from millstream.common.metrics.recent_dump import RecentDump
from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporter_kinds import JMX, PROMETHEUS, make_push_reporter, reporter_kind
from millstream.common.metrics.reporter_settings import ReporterSettings
from millstream.common.metrics.reporters.reporter import Collect, PushReporter, ServedReporter
from millstream.common.metrics.scope_formats import ScopeFormats
from millstream.common.wire.metrics_pb2 import MetricDump

__all__ = ["MetricReporting"]

_logger = logging.getLogger(__name__)

_COLLECT_SECONDS: Final = 10.0
_LAST_REPORT_SECONDS: Final = 3.0

Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class _Pushing:
    """A reporter that pushes, how often, and the one thread in which it does: it may wait without holding up others."""

    reporter: PushReporter
    selection: MetricSelection
    interval_seconds: float
    complaints: Complaints
    thread: ThreadPoolExecutor


class MetricReporting:
    """All reporters that a configuration names. Its methods belong to one event loop.

    :param collect: gives the metrics of the process as they are now.
    :param bind_host: the interface that reporters which are asked listen on, unless they are set to another.
    :param sleep: waits for some seconds.
    :raises ConfigurationError: the settings of a reporter are wrong.
    """

    def __init__(
        self,
        configuration: Configuration,
        collect: Callable[[], Awaitable[MetricDump]],
        *,
        bind_host: str = "localhost",
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._dump = RecentDump(collect)
        self._sleep = sleep
        self._served: list[tuple[str, ServedReporter]] = []
        self._pushing: list[_Pushing] = []
        self._tasks: set[asyncio.Task[None]] = set()
        formats = ScopeFormats.of(configuration)
        for name in ReporterSettings.names(configuration):
            self._add(ReporterSettings(name, configuration), formats, bind_host)

    def _add(self, settings: ReporterSettings, formats: ScopeFormats, bind_host: str) -> None:
        kind = reporter_kind(settings)
        if kind == JMX:
            _logger.warning(
                "The metrics reporter %s is left out: there is no JVM, and so no JMX. Read metrics with the REST "
                "interface (GET /jobmanager/metrics, /taskmanagers/<id>/metrics, /jobs/<id>/metrics), or set %s to "
                "prometheus.",
                settings.name,
                settings.key("factory.class"),
            )
            return
        selection = settings.selection(formats)
        if kind == PROMETHEUS:
            from millstream.common.metrics.reporters.prometheus_reporter import PrometheusReporter

            reporter = PrometheusReporter(settings, self._collect(selection), bind_host)
            self._served.append((settings.name, reporter))
            return
        self._pushing.append(
            _Pushing(
                make_push_reporter(kind, settings, formats),
                selection,
                settings.interval.total_seconds(),
                Complaints(settings.name),
                ThreadPoolExecutor(1, thread_name_prefix=f"metrics reporter {settings.name}"),
            )
        )

    async def start(self) -> None:
        """Start them all. One that cannot start is logged; the others and the process go on."""
        for name, served in self._served:
            try:
                await served.start()
            except OSError as error:
                _logger.error("The metrics reporter %s does not start: %s", name, error)  # noqa: TRY400  # no traceback
        for pushing in self._pushing:
            task = asyncio.get_running_loop().create_task(self._push(pushing), name="metrics reporter")
            self._tasks.add(task)

    async def close(self) -> None:
        """Send the last reports, where there is something to send, and stop. May be called twice."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for _, served in self._served:
            await served.close()
        pushing, self._pushing = self._pushing, []
        if tasks:  # else it was never started, and nobody has heard of these reporters
            await asyncio.gather(*map(self._finish, pushing))
        await self._dump.close()

    async def _push(self, pushing: _Pushing) -> None:
        while True:
            await self._sleep(pushing.interval_seconds)
            try:
                await asyncio.wait_for(self._report(pushing), _COLLECT_SECONDS + pushing.interval_seconds)
            except Exception as error:  # noqa: BLE001  # nothing that a reporter does may end it or the process
                pushing.complaints.add("send a report", error)

    async def _finish(self, pushing: _Pushing) -> None:
        loop = asyncio.get_running_loop()
        try:
            if pushing.reporter.reports_at_close:
                await asyncio.wait_for(self._report(pushing), _LAST_REPORT_SECONDS)
        except Exception as error:  # noqa: BLE001  # the process ends, whatever becomes of the report
            pushing.complaints.add("send its last report", error)
        is_idle = False
        try:
            await asyncio.wait_for(loop.run_in_executor(pushing.thread, pushing.reporter.close), _LAST_REPORT_SECONDS)
            is_idle = True
        except Exception as error:  # noqa: BLE001  # as above
            pushing.complaints.add("finish", error)
        pushing.thread.shutdown(wait=is_idle, cancel_futures=True)

    async def _report(self, pushing: _Pushing) -> None:
        dump = await asyncio.wait_for(self._dump.get(), _COLLECT_SECONDS)

        def send() -> None:
            pushing.reporter.report(pushing.selection.select(dump), dump.timestamp_ms)

        await asyncio.get_running_loop().run_in_executor(pushing.thread, send)

    def _collect(self, selection: MetricSelection) -> Collect:
        async def collect() -> Sequence[ReportedMetric]:
            dump = await self._dump.get()
            return await asyncio.to_thread(selection.select, dump)

        return collect
