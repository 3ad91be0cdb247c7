"""The REST API of a cluster with jobs that run, and that have ended in each way: every endpoint of jobs, vertices and
checkpoints answers in Flink's shapes, and says what has happened.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from millstream.common.config import Configuration
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import SourceContext, SourceFunction
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.unit.dispatcher.rest.shapes import differences, shape_of

_HEX_32 = re.compile("[0-9a-f]{32}")


class Endless(SourceFunction):
    """Counts until it is cancelled."""

    def __init__(self) -> None:
        self._running = True

    def run(self, context: SourceContext) -> None:
        for number in itertools.count():
            if not self._running:
                return
            with context.get_checkpoint_lock():
                context.collect(number)
            time.sleep(0.001)

    def cancel(self) -> None:
        self._running = False


@dataclass
class Cluster:
    """A cluster with one job of each kind, and how to ask it."""

    http: httpx.Client
    running: str
    finished: str
    failed: str
    canceled: str

    def ask(self, path: str, status: int = 200, method: str = "GET", body: object = None) -> Any:
        """Return the answer, which has the shape of Flink's."""
        response = self.http.request(method, path, json=body)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/json; charset=UTF-8"
        answer = response.json()
        assert differences(answer, shape_of(method, path, status)) == []
        return answer

    def vertices(self, job: str) -> list[dict[str, Any]]:
        vertices: list[dict[str, Any]] = self.ask(f"/jobs/{job}")["vertices"]
        return vertices

    def until(self, job: str, state: str) -> None:
        eventually(lambda: self.ask(f"/jobs/{job}/status")["status"] == state, f"job {job} is {state}", 30.0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    with (
        ProcessCluster(directory / "logs", task_managers=2, slots=2, rest=True) as processes,
        httpx.Client(base_url=processes.rest_url(), timeout=20.0) as http,
    ):
        cluster = Cluster(http, "", "", "", "")
        eventually(lambda: _answers(http), "the REST interface answers")
        cluster.finished = _finite(processes, "finished", lambda number: number)
        cluster.until(cluster.finished, "FINISHED")
        cluster.failed = _finite(processes, "failed", _fail_at_seven)
        cluster.until(cluster.failed, "FAILED")
        cluster.canceled = _endless(processes, "canceled", directory)
        cluster.until(cluster.canceled, "RUNNING")
        assert cluster.ask(f"/jobs/{cluster.canceled}?mode=cancel", 202, "PATCH") == {}
        cluster.until(cluster.canceled, "CANCELED")
        cluster.running = _endless(processes, "running", directory)
        path = f"/jobs/{cluster.running}"
        eventually(lambda: cluster.ask(f"{path}/checkpoints")["counts"]["completed"] >= 3, "three checkpoints", 60.0)
        yield cluster
        cluster.ask(f"{path}/yarn-cancel", 202)
        cluster.until(cluster.running, "CANCELED")


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/overview").is_success
    except httpx.TransportError:
        return False


def _fail_at_seven(number: int) -> int:
    if number == 7:
        raise ValueError("seven is too much")
    return number


def _finite(processes: ProcessCluster, name: str, function: Any) -> str:
    env = _environment(processes, {"restart-strategy.type": "none"})
    env.from_collection(range(10)).map(function).name("step").key_by(lambda number: number % 2).map(
        lambda number: number
    ).print()
    return env.execute_async(name).get_job_id()


def _endless(processes: ProcessCluster, name: str, directory: Path) -> str:
    env = _environment(
        processes,
        {
            "execution.checkpointing.interval": "100 ms",
            "execution.checkpointing.dir": (directory / "checkpoints").as_uri(),
            "pipeline.global-job-parameters": "input:/in",
        },
    )
    env.add_source(Endless()).key_by(lambda number: number % 2).map(lambda number: number).name("step").print()
    return env.execute_async(name).get_job_id()


def _environment(processes: ProcessCluster, settings: dict[str, str]) -> StreamExecutionEnvironment:
    env = StreamExecutionEnvironment.create_remote_environment(
        "localhost", processes.port, configuration=Configuration.from_map(settings)
    )
    env.set_parallelism(2)
    return env


def test_every_endpoint_answers_as_flink_does(cluster: Cluster) -> None:
    cluster.ask("/jobs")
    for job in (cluster.running, cluster.finished, cluster.failed, cluster.canceled):
        for part in ("", "/status", "/plan", "/config", "/exceptions", "/execution-result", "/accumulators"):
            cluster.ask(f"/jobs/{job}{part}")
        for part in ("", "/config"):
            cluster.ask(f"/jobs/{job}/checkpoints{part}")
        for vertex in cluster.vertices(job):
            path = f"/jobs/{job}/vertices/{vertex['id']}"
            for part in ("", "/subtasktimes", "/taskmanagers", "/accumulators", "/subtasks/accumulators"):
                cluster.ask(path + part)
            for subtask in range(vertex["parallelism"]):
                for part in ("", "/attempts/0", "/attempts/0/accumulators"):
                    cluster.ask(f"{path}/subtasks/{subtask}{part}")


def test_the_overview(cluster: Cluster) -> None:
    jobs = {job["jid"]: job for job in cluster.ask("/v1/jobs/overview")["jobs"]}
    assert jobs[cluster.running]["end-time"] == -1
    assert jobs[cluster.running]["tasks"]["running"] == jobs[cluster.running]["tasks"]["total"] > 0
    states = {"finished": "FINISHED", "failed": "FAILED", "canceled": "CANCELED"}
    for name, state in states.items():
        job = jobs[getattr(cluster, name)]
        assert (job["name"], job["state"]) == (name, state)
        assert job["end-time"] - job["start-time"] == job["duration"] > 0
        assert job["tasks"][name] > 0


def test_a_running_job(cluster: Cluster) -> None:
    def records() -> bool:
        return all(
            vertex["metrics"]["read-records"] + vertex["metrics"]["write-records"] > 0
            and vertex["metrics"]["read-records-complete"]
            for vertex in cluster.vertices(cluster.running)
        )

    eventually(records, "all vertices have read or written records", 30.0)
    job = cluster.ask(f"/jobs/{cluster.running}")
    assert job["plan"]["jid"] == cluster.running
    assert {node["id"] for node in job["plan"]["nodes"]} == {vertex["id"] for vertex in job["vertices"]}
    source, step = job["plan"]["nodes"]
    assert step["inputs"][0]["id"] == source["id"]
    assert step["inputs"][0]["ship_strategy"] == "HASH"
    assert "inputs" not in source
    for vertex in job["vertices"]:
        assert vertex["status"] == "RUNNING"
        assert _HEX_32.fullmatch(vertex["slotSharingGroupId"])
    hosts = cluster.ask(f"/jobs/{cluster.running}/vertices/{job['vertices'][1]['id']}")["subtasks"]
    known = {manager["id"] for manager in cluster.ask("/taskmanagers")["taskmanagers"]}
    assert {subtask["taskmanager-id"] for subtask in hosts} <= known
    config = cluster.ask(f"/jobs/{cluster.running}/config")["execution-config"]
    assert config["user-config"] == {"input": "/in"}


def test_checkpoints(cluster: Cluster) -> None:
    path = f"/jobs/{cluster.running}/checkpoints"
    latest = cluster.ask(path)["latest"]["completed"]
    assert latest["external_path"].startswith("file:")
    details = cluster.ask(f"{path}/details/{latest['id']}")
    vertices = cluster.vertices(cluster.running)
    assert set(details["tasks"]) == {vertex["id"] for vertex in vertices}
    for vertex in vertices:
        part = cluster.ask(f"{path}/details/{latest['id']}/subtasks/{vertex['id']}")
        assert part["num_acknowledged_subtasks"] == len(part["subtasks"]) == vertex["parallelism"]
    config = cluster.ask(f"{path}/config")
    assert (config["interval"], config["checkpoint_storage"]) == (100, "FileSystemCheckpointStorage")


def test_a_failed_job_says_first_what_the_user_needs(cluster: Cluster) -> None:
    answer = cluster.ask(f"/jobs/{cluster.failed}/exceptions?maxExceptions=5")
    first = answer["root-exception"].splitlines()[0]
    assert first.startswith("ValueError: seven is too much | operator 'step' (map)")
    assert "record 7" in first
    assert re.search(rf"{re.escape(Path(__file__).name)}:\d+$", first)
    (entry,) = answer["exceptionHistory"]["entries"]
    assert entry["exceptionName"] == "ValueError"
    assert entry["taskManagerId"]
    assert entry["taskName"].endswith("- execution #0")
    result = cluster.ask(f"/jobs/{cluster.failed}/execution-result")["job-execution-result"]
    assert result["application-status"] == "FAILED"
    assert result["failure-cause"]["stack-trace"].splitlines()[0] == first


def test_results_of_the_others(cluster: Cluster) -> None:
    for job, status in ((cluster.finished, "SUCCEEDED"), (cluster.canceled, "CANCELED")):
        result = cluster.ask(f"/jobs/{job}/execution-result")["job-execution-result"]
        assert result["application-status"] == status
        assert "failure-cause" not in result
    assert cluster.ask(f"/jobs/{cluster.running}/execution-result") == {"status": {"id": "IN_PROGRESS"}}


def test_cancelling_what_has_ended(cluster: Cluster) -> None:
    for job, state in ((cluster.failed, "FAILED"), (cluster.finished, "FINISHED")):
        error = cluster.ask(f"/jobs/{job}?mode=cancel", 409, "PATCH")["errors"][0]
        assert error.endswith(f"another terminal state ({state}).")
    assert cluster.ask(f"/jobs/{cluster.canceled}?mode=cancel", 202, "PATCH") == {}


def test_what_is_not_there(cluster: Cluster) -> None:
    unknown = "0" * 32
    assert cluster.ask(f"/jobs/{unknown}", 404)["errors"] == [f"Job {unknown} not found"]
    cluster.ask(f"/jobs/{unknown}?mode=cancel", 404, "PATCH")
    cluster.ask(f"/jobs/{cluster.running}/vertices/{unknown}", 404)
    cluster.ask(f"/jobs/{cluster.running}/checkpoints/details/999999999", 404)
    cluster.ask(f"/jobs/{cluster.running}?mode=stop", 308, "PATCH")


def test_a_client_says_that_it_lives(cluster: Cluster) -> None:
    body = {"expiredTimestamp": round(time.time() * 1000) + 600_000}
    assert cluster.ask(f"/jobs/{cluster.running}/clientHeartbeat", 202, "PATCH", body) == {}
