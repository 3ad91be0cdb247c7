"""What the reporters of real processes tell: well-formed, under Flink's names, and all that the dashboard asks for."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.datastream import StreamExecutionEnvironment
from millstream.testing.process_cluster import ProcessCluster, eventually, free_port
from tests.unit.common.metrics.reporters.exposition_grammar import Family, read_exposition
from tests.unit.project.checkout import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/millstream-dashboard.json").read_text(encoding="utf-8"))
PORT = free_port()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reporters")


@pytest.fixture(scope="module")
def cluster(directory: Path) -> Iterator[ProcessCluster]:
    settings = {
        "metrics.reporter.prom.factory.class": "prometheus",
        "metrics.reporter.prom.port": f"{PORT}-{PORT + 50}",
        "metrics.reporter.old.class": "org.apache.flink.metrics.jmx.JMXReporter",
        "metrics.reporter.gone.class": "graphite",
        "metrics.reporter.gone.host": "127.0.0.1",
        "metrics.reporter.gone.port": str(free_port()),
        "metrics.reporter.gone.interval": "100 ms",
        "metrics.system-resource": "true",
    }
    with ProcessCluster(directory, task_managers=1, slots=2, settings=settings) as started:
        yield started


def _scrape(prefix: str) -> dict[str, Family]:
    """The families of the process whose metrics begin so; the first port is the master's, unless it was taken."""
    for port in range(PORT, PORT + 3):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                families = read_exposition(answer.read().decode())
        except OSError:
            continue
        if any(name.startswith(prefix) for name in families):
            return families
    return {}


def test_a_running_job_fills_the_dashboard(cluster: ProcessCluster, tmp_path: Path) -> None:
    configuration = Configuration.from_map(
        {"execution.checkpointing.interval": "100 ms", "state.checkpoints.dir": str(tmp_path / "checkpoints")}
    )
    env = StreamExecutionEnvironment.create_remote_environment("localhost", cluster.port, configuration=configuration)
    numbers = env.from_sequence(1, 10_000_000)
    numbers.key_by(lambda value: value % 10).map(lambda value: value).name("Kept").filter(
        lambda value: value < 0
    ).print()
    job = env.execute_async("a reported job")
    asked = {
        name for name in re.findall(r"flink_\w+", json.dumps(DASHBOARD)) if not name.endswith("numLateRecordsDropped")
    }
    try:
        eventually(
            lambda: asked <= {*_scrape("flink_jobmanager_job_uptime"), *_scrape("flink_taskmanager_job_task")},
            "everything that the dashboard asks for is there",
        )
        master, worker = _scrape("flink_jobmanager_job_uptime"), _scrape("flink_taskmanager_job_task")
    finally:
        job.cancel().result()
    ((_, labels),) = master["flink_jobmanager_job_numRestarts"].samples
    assert dict(labels)["job_name"] == "a_reported_job"
    assert set(dict(labels)) == {"host", "job_id", "job_name"}
    for _, labels in worker["flink_taskmanager_job_task_numRecordsIn"].samples:
        assert set(dict(labels)) == {
            "host", "tm_id", "job_id", "job_name", "task_id", "task_name", "task_attempt_id", "task_attempt_num",
            "subtask_index",
        }  # fmt: skip
    operators = {
        dict(labels)["operator_name"]
        for _, labels in worker["flink_taskmanager_job_task_operator_numRecordsIn"].samples
    }
    assert "Kept" in operators
    for families in (master, worker):
        assert [name for name in families if name.endswith("System_CPU_Usage")]
    assert not [name for name in worker if name.startswith("flink_jobmanager")]


def test_the_log_tells_of_reporters_that_cannot_do_their_work(cluster: ProcessCluster, directory: Path) -> None:
    assert cluster.live_task_managers()
    logs = [path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.log"))]
    assert len([log for log in logs if "The metrics reporter old is left out: there is no JVM" in log]) == 2
    failures = [log for log in logs if "The metrics reporter gone could not send a report: ConnectionRefused" in log]
    assert len(failures) == 2
