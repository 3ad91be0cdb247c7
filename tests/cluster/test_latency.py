"""Latencies of a job on real processes, as the REST interface and a reporter show them."""

from __future__ import annotations

import itertools
import re
import time
import urllib.request
from typing import Any

import httpx
import pytest

from millstream.common.config import Configuration
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import CoMapFunction, SourceContext, SourceFunction
from millstream.testing.process_cluster import ProcessCluster, eventually, free_port

_ID = re.compile(
    r"latency\.source_id\.([0-9a-f]{32})\.operator_id\.([0-9a-f]{32})\.operator_subtask_index\.(\d)\.latency_(\w+)"
)
_LABELS = ("source_id=", "operator_id=", "operator_subtask_index=", "job_id=", "tm_id=", "quantile=")


class Ticking(SourceFunction):
    """Counts slowly until it is cancelled."""

    def __init__(self) -> None:
        self._running = True

    def run(self, context: SourceContext) -> None:
        for number in itertools.count():
            if not self._running:
                return
            context.collect(number)
            time.sleep(0.005)

    def cancel(self) -> None:
        self._running = False


class _Both(CoMapFunction):
    def map1(self, value: Any) -> Any:
        return value

    def map2(self, value: Any) -> Any:
        return value


@pytest.mark.timeout(180)
def test_latencies_are_seen_from_outside(tmp_path_factory: pytest.TempPathFactory) -> None:
    port = free_port()
    settings = {
        "metrics.fetcher.update-interval": "200 ms",
        "metrics.reporters": "prom",
        "metrics.reporter.prom.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
        "metrics.reporter.prom.port": f"{port}-{port + 50}",
    }
    directory = tmp_path_factory.mktemp("latency")
    with (
        ProcessCluster(directory, task_managers=1, slots=2, settings=settings, rest=True) as cluster,
        httpx.Client(base_url=cluster.rest_url(), timeout=20.0) as http,
    ):
        env = StreamExecutionEnvironment.create_remote_environment(
            "localhost",
            cluster.port,
            configuration=Configuration.from_map({"execution.checkpointing.interval": "200 ms"}),
        )
        env.get_config().set_latency_tracking_interval(50)
        env.set_parallelism(2)
        read = env.from_sequence(1, 10_000_000).map(_slowly)
        ticking = env.add_source(Ticking()).set_parallelism(1)
        both = ticking.rebalance().connect(read.rebalance()).map(_Both())
        both.key_by(lambda value: value % 7).reduce(lambda first, _: first).filter(lambda value: value < 0).print()
        job = env.execute_async("latencies")
        try:
            eventually(lambda: _complete(http, f"/jobs/{job.get_job_id()}/metrics"), "all ways are measured", 60.0)
            values = _values(http, f"/jobs/{job.get_job_id()}/metrics")
            assert values
            for found, value in values.items():
                if found[3] == "mean":
                    assert 0 <= float(value) < 60_000
            samples = _samples("".join(_scraped(each) for each in range(port, port + 2)))
            assert samples
            assert all(label in sample for sample in samples for label in _LABELS), samples[0]
        finally:
            job.cancel().result()
            cluster.wait_for_slots(2)


def _slowly(value: int) -> int:
    time.sleep(0.001)
    return value


def _ids(http: httpx.Client, path: str) -> list[str]:
    try:
        response = http.get(path)
    except httpx.ConnectError:  # it does not serve yet
        return []
    return [each["id"] for each in response.json() if _ID.fullmatch(each["id"])] if response.is_success else []


def _complete(http: httpx.Client, path: str) -> bool:
    """Both sources have reached both subtasks of an operator behind the exchanges."""
    ways = {match.groups()[:3] for each in _ids(http, path) if (match := _ID.fullmatch(each))}
    operators = {way[1] for way in ways}
    return any(
        {way[2] for way in ways if way[1] == operator} == {"0", "1"}
        and len({way[0] for way in ways if way[1] == operator}) == 2
        for operator in operators
    )


def _values(http: httpx.Client, path: str) -> dict[tuple[str, ...], str]:
    answer = http.get(path, params={"get": ",".join(_ids(http, path))}).json()
    return {match.groups(): each["value"] for each in answer if (match := _ID.fullmatch(each["id"]))}


def _scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=10) as response:
        text: str = response.read().decode()
    return text


def _samples(text: str) -> list[str]:
    """The quantiles of latencies."""
    name = "flink_taskmanager_job_latency_source_id_operator_id_operator_subtask_index_latency{"
    return [line for line in text.splitlines() if line.startswith(name)]
