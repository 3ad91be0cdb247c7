"""All reporters of a process run side by side, and none harms the others."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable

import pytest

from millstream.common.config.configuration import Configuration
from millstream.common.config.metric_options import MetricOptions
from millstream.common.errors import ConfigurationError
from millstream.common.metrics import MetricGroup
from millstream.common.metrics.complaints import Complaints
from millstream.common.metrics.recent_dump import RecentDump
from millstream.common.metrics.reporting import MetricReporting
from millstream.common.wire.metrics_pb2 import MetricDump
from tests.unit.common.metrics.reporters.collector import datagrams, http_collector
from tests.unit.common.metrics.reporters.exposition_grammar import read_exposition
from tests.unit.common.metrics.samples import configuration as reporter_configuration
from tests.unit.common.metrics.samples import dump

FLINK = "org.apache.flink.metrics"
PROMETHEUS = {
    "metrics.reporter.prom.factory.class": f"{FLINK}.prometheus.PrometheusReporterFactory",
    "metrics.reporter.prom.port": "0",
    "metrics.reporter.prom.host": "127.0.0.1",
}


def group_of(count: int) -> MetricGroup:
    group = MetricGroup()
    group.counter("seen").inc(count)
    return group


async def collect() -> MetricDump:
    return dump(group_of(3))


def fetch(url: str, method: str = "GET") -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read().decode()


def url_in(caplog: pytest.LogCaptureFixture) -> str:
    told = [record.getMessage() for record in caplog.records if "to Prometheus at " in record.getMessage()]
    return told[-1].rpartition(" ")[2].rstrip(".")


class Intervals:
    """Sleeps that end when the test says so.

    :ivar asked: the seconds that were to be slept.
    """

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._tick = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._tick.wait()
        self._tick.clear()

    def tick(self) -> None:
        self._tick.set()


async def until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < give_up_at, "the condition does not come true"
        await asyncio.sleep(0.005)


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def checked() -> None:
        await main()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not others

    asyncio.run(checked())


def test_prometheus_reads_the_metrics_as_they_are_at_the_scrape(caplog: pytest.LogCaptureFixture) -> None:
    count = 0

    async def growing() -> MetricDump:
        nonlocal count
        count += 1
        return dump(group_of(count))

    async def main() -> None:
        reporting = MetricReporting(Configuration.from_map(PROMETHEUS), growing)
        await reporting.start()
        try:
            url = url_in(caplog)
            status, content_type, text = await asyncio.to_thread(fetch, f"{url}/metrics")
            assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
            assert list(read_exposition(text)["flink_taskmanager_seen"].samples.values()) == [1]
            assert (await asyncio.to_thread(fetch, f"{url}/"))[0] == 200
            assert (await asyncio.to_thread(fetch, url, "HEAD"))[2] == ""
            assert (await asyncio.to_thread(fetch, url, "POST"))[0] == 405
        finally:
            await reporting.close()
            await reporting.close()

    with caplog.at_level(logging.INFO):
        run(main)


def test_a_scrape_that_fails_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def failing() -> MetricDump:
        raise RuntimeError("no worker answers")

    async def main() -> None:
        reporting = MetricReporting(Configuration.from_map(PROMETHEUS), failing)
        await reporting.start()
        try:
            for _ in range(3):
                status, _, text = await asyncio.to_thread(fetch, url_in(caplog))
                assert (status, text) == (503, "The metrics cannot be had at present; the log says why.\n")
        finally:
            await reporting.close()

    with caplog.at_level(logging.INFO):
        run(main)
    told = [record.getMessage() for record in caplog.records if "could not" in record.getMessage()]
    assert len(told) == 1
    assert "prom could not answer a scrape: RuntimeError: no worker answers." in told[0]


def test_a_port_that_is_taken_stops_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, datagrams() as receiving:
            intervals = Intervals()
            configuration = Configuration.from_map(
                {
                    **PROMETHEUS,
                    "metrics.reporter.prom.port": str(taken.getsockname()[1]),
                    "metrics.reporter.s.class": f"{FLINK}.statsd.StatsDReporter",
                    "metrics.reporter.s.host": "127.0.0.1",
                    "metrics.reporter.s.port": str(receiving.getsockname()[1]),
                    "metrics.reporter.s.interval": "3 SECONDS",
                    "metrics.scope.tm": "tm",
                }
            )
            reporting = MetricReporting(configuration, collect, sleep=intervals.sleep)
            await reporting.start()
            try:
                await until(lambda: intervals.asked == [3])
                intervals.tick()
                assert await asyncio.to_thread(receiving.recv, 4096) == b"tm.seen:3|g"
                await until(lambda: intervals.asked == [3, 3])
            finally:
                await reporting.close()
            assert await asyncio.to_thread(receiving.recv, 4096) == b"tm.seen:3|g"  # the last report

    run(main)
    (told,) = caplog.records
    assert "metrics.reporter.prom.port" in told.getMessage()


def test_one_that_fails_goes_on_and_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with http_collector() as gateway, datagrams() as receiving:
            gateway.status = 500
            waits = Intervals()
            configuration = Configuration.from_map(
                {
                    "metrics.reporters": "push, s",
                    "metrics.reporter.push.factory.class": "prometheus_push_gateway",
                    "metrics.reporter.push.hostUrl": gateway.url,
                    "metrics.reporter.push.interval": "1 s",
                    "metrics.reporter.s.factory.class": "statsd",
                    "metrics.reporter.s.host": "127.0.0.1",
                    "metrics.reporter.s.port": str(receiving.getsockname()[1]),
                    "metrics.reporter.s.interval": "1 d",
                    "metrics.reporter.off.factory.class": "nonsense that is not listed",
                }
            )

            async def sleep(seconds: float) -> None:
                if seconds == 1:
                    await waits.sleep(seconds)
                else:
                    await asyncio.sleep(seconds)

            reporting = MetricReporting(configuration, collect, sleep=sleep)
            await reporting.start()
            try:
                for reports in (1, 2, 3):
                    await until(lambda reports=reports: len(waits.asked) == reports)  # type: ignore[misc]
                    waits.tick()
                    await until(lambda reports=reports: len(gateway.requests) == reports)  # type: ignore[misc]
                await until(lambda: len(waits.asked) == 4)
                gateway.status = 202
            finally:
                await reporting.close()
            assert [request.method for request in gateway.requests] == ["PUT"] * 3 + ["DELETE"]
            assert b"seen:3|g" in await asyncio.to_thread(receiving.recv, 4096)

    run(main)
    (told,) = caplog.records
    assert told.getMessage().startswith("The metrics reporter push could not send a report: OSError: http://127.0.0.1:")
    assert "answers 500 Internal Server Error: as you like" in told.getMessage()


def test_one_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millstream.common.metrics.reporting._LAST_REPORT_SECONDS", 0.05)

    async def never() -> MetricDump:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        configuration = Configuration.from_map({**PROMETHEUS, "metrics.reporter.log.factory.class": "slf4j"})
        reporting = MetricReporting(configuration, never)
        await reporting.start()
        await reporting.close()

    run(main)


def test_one_that_was_never_started_tells_nobody_anything() -> None:
    async def main() -> None:
        with http_collector() as gateway:
            configuration = reporter_configuration(
                "push", **{"class": "prometheus_push_gateway", "hostUrl": gateway.url}
            )
            reporting = MetricReporting(configuration, collect)
            await reporting.close()
            assert gateway.requests == []

    run(main)


def test_jmx_is_left_out_and_the_log_says_what_to_use(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        configuration = Configuration.from_map({"metrics.reporter.j.factory.class": f"{FLINK}.jmx.JMXReporterFactory"})
        reporting = MetricReporting(configuration, collect)
        await reporting.start()
        await reporting.close()

    run(main)
    (told,) = caplog.records
    assert "reporter j is left out" in told.getMessage()
    assert "GET /jobmanager/metrics" in told.getMessage()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "'p' has no metrics.reporter.p.factory.class: set it"),
        ({"class": "promtheus"}, "no reporter 'promtheus'; did you mean prometheus?"),
        ({"class": "com.example.Mine"}, "no reporter 'com.example.Mine'; there are datadog,"),
        ({"class": "prometheus", "port": "x"}, "p.port: 'x'"),
        ({"class": "prometheus", "prot": "1"}, "did you mean metrics.reporter.p.port"),
        ({"class": "slf4j", "interval": "0"}, "p.interval: must be longer than 0"),
        ({"class": "slf4j", "filter.includes": "a:b:c:d"}, "p.filter.includes: "),
    ],
)
def test_wrong_settings_are_told_before_anything_starts(parameters: dict[str, str], message: str) -> None:
    settings = reporter_configuration("p", **parameters).set(MetricOptions.REPORTERS, ["p"])
    with pytest.raises(ConfigurationError) as told:
        MetricReporting(settings, collect)
    assert message in str(told.value)


def test_several_that_ask_at_once_cause_one_collection() -> None:
    async def main() -> None:
        now = 0.0
        collections = 0
        go = asyncio.Event()

        async def counted() -> MetricDump:
            nonlocal collections
            collections += 1
            await go.wait()
            return MetricDump(timestamp_ms=collections)

        recent = RecentDump(counted, lambda: now)
        asking = [asyncio.ensure_future(recent.get()) for _ in range(3)]
        await until(lambda: collections == 1)
        asking.pop().cancel()
        go.set()
        assert [each.timestamp_ms for each in await asyncio.gather(*asking)] == [1, 1]
        assert (await recent.get()).timestamp_ms == 1
        now = 1.0
        assert (await recent.get()).timestamp_ms == 2
        await recent.close()

    run(main)


def test_complaints_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    complaints = Complaints("r", lambda: now)
    for second in range(0, 130, 10):
        now = float(second)
        complaints.add("send a report", ValueError("odd"))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert "5 failures before this one were not logged" in told[1]


def test_user_functions_import_no_reporter() -> None:
    heavy = "prometheus_client uvicorn starlette psutil opentelemetry millstream.common.metrics.reporting yaml"
    program = (
        "import sys, millstream.metrics, millstream.common.metrics.metric_dump\n"
        f"print([name for name in '{heavy}'.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
