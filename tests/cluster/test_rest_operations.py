"""The REST interface of a real cluster: metrics of a job that runs, and what can be done to it."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from millstream.common.config import Configuration
from millstream.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import SourceContext, SourceFunction
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.unit.dispatcher.rest.shapes import differences, shape_of

_NO_WATERMARK = -(2**63)


class Endless(SourceFunction):
    """Counts until it is cancelled or stopped."""

    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._running = True

    def run(self, context: SourceContext) -> None:
        for number in itertools.count():
            if not self._running:
                return
            with context.get_checkpoint_lock():
                context.collect(number)
            if self._pause_seconds:
                time.sleep(self._pause_seconds)

    def cancel(self) -> None:
        self._running = False


class OwnTime(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value)


def _slow(number: int) -> int:
    time.sleep(0.01)
    return number


@dataclass
class Cluster:
    """A cluster without jobs, and how to ask it."""

    processes: ProcessCluster
    http: httpx.Client
    directory: Path

    def ask(self, path: str, status: int = 200, method: str = "GET", body: object = None) -> Any:
        """Return the answer, which has the shape of Flink's where that is known."""
        response = self.http.request(method, path, json=body)
        assert response.status_code == status, response.text
        answer = response.json()
        try:
            shape = shape_of(method, path, status)
        except LookupError:  # Flink 1.20 does not rescale, and has no answer of this status
            return answer
        assert "agg=" in path or differences(answer, shape) == []
        return answer

    def vertices(self, job: str) -> list[dict[str, Any]]:
        vertices: list[dict[str, Any]] = self.ask(f"/jobs/{job}")["vertices"]
        return vertices

    def state(self, job: str) -> str:
        state: str = self.ask(f"/jobs/{job}/status")["status"]
        return state

    def until(self, job: str, state: str) -> None:
        eventually(lambda: self.state(job) == state, f"job {job} is {state}", 30.0)

    def until_all_run(self, job: str) -> None:
        def all_run() -> bool:
            return all(vertex["tasks"]["RUNNING"] == vertex["parallelism"] for vertex in self.vertices(job))

        eventually(all_run, f"all tasks of job {job} run", 60.0)

    def completed(self, path: str) -> Any:
        """Wait for the end of an operation and return what came of it."""
        eventually(lambda: self._status(path) == "COMPLETED", f"{path} has ended", 60.0)
        return self.http.get(path).json()["operation"]

    def _status(self, path: str) -> str:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        status: str = answer.json()["status"]["id"]
        return status

    @contextmanager
    def job(self, *, slow: bool = False) -> Iterator[str]:
        """A job that counts, in two vertices; the second is a bottleneck or not."""
        settings = {
            "execution.checkpointing.dir": (self.directory / "checkpoints").as_uri(),
            "execution.checkpointing.incremental": "false",
        }
        env = StreamExecutionEnvironment.create_remote_environment(
            "localhost", self.processes.port, configuration=Configuration.from_map(settings)
        )
        env.set_parallelism(2)
        strategy: Any = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(OwnTime())
        numbers = env.add_source(Endless(0.0 if slow else 0.001), "numbers").uid("numbers")
        timed = numbers.assign_timestamps_and_watermarks(strategy).uid("timed")
        mapped = timed.key_by(lambda number: number % 16).map(_slow if slow else _same).name("second step").uid("step")
        mapped.print().uid("print")
        job = env.execute_async("counting").get_job_id()
        try:
            self.until_all_run(job)
            yield job
        finally:
            if self.state(job) not in ("FINISHED", "FAILED", "CANCELED"):
                self.ask(f"/jobs/{job}", 202, "PATCH")
                self.until(job, "CANCELED")


def _same(number: int) -> int:
    return number


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    settings = {"metrics.fetcher.update-interval": "200 ms", "rest.flamegraph.enabled": "true"}
    with (
        ProcessCluster(directory / "logs", task_managers=2, slots=2, rest=True, settings=settings) as processes,
        httpx.Client(base_url=processes.rest_url(), timeout=30.0) as http,
    ):
        processes.wait_for_slots(4)
        cluster = Cluster(processes, http, directory)
        cluster.ask("/overview")  # what is connected from here on is not left behind by a test
        yield cluster


def test_the_metrics_of_a_running_job(cluster: Cluster) -> None:
    with cluster.job() as job:
        source, second = (f"/jobs/{job}/vertices/{vertex['id']}" for vertex in cluster.vertices(job))
        colours = "busyTimeMsPerSecond,backPressuredTimeMsPerSecond,numRecordsInPerSecond"
        for vertex in (source, second):  # what a picture of the job is coloured by
            eventually(lambda v=vertex: cluster.ask(f"{v}/subtasks/metrics?get={colours}"), "metrics", 30.0)  # type: ignore[misc]
            ids = {metric["id"] for metric in cluster.ask(f"{vertex}/subtasks/metrics")}
            assert {"numRecordsIn", "numRecordsOut", "idleTimeMsPerSecond", *colours.split(",")} <= ids
        ids = {metric["id"] for metric in cluster.ask(f"{source}/subtasks/metrics")}
        for name in ("numRecordsIn", "numRecordsInPerSecond", "numRecordsOut", "numRecordsOutPerSecond"):
            assert f"Source__numbers.{name}" in ids

        def counted() -> bool:
            (metric,) = cluster.ask(f"{second}/subtasks/metrics?get=numRecordsIn&agg=sum,min")
            return bool(metric["sum"] > 100)

        eventually(counted, "the second vertex has read a hundred records", 30.0)
        (one,) = cluster.ask(f"{second}/subtasks/1/metrics?get=numRecordsIn")
        (same,) = cluster.ask(f"{second}/metrics?get=1.numRecordsIn")
        assert int(same["value"]) >= int(one["value"])
        values = {
            metric["id"]: metric["value"] for metric in cluster.ask(f"/jobs/{job}/metrics?get=uptime,numRestarts")
        }
        assert int(values["uptime"]) > 0
        assert values["numRestarts"] == "0"
        assert cluster.ask(f"{source}/jm-operator-metrics") == []


def test_the_metrics_of_processes(cluster: Cluster) -> None:
    names = "taskSlotsTotal,taskSlotsAvailable,numRegisteredTaskManagers"

    def all_are_free() -> bool:  # also those of the job before
        slots = {metric["id"]: metric["value"] for metric in cluster.ask(f"/jobmanager/metrics?get={names}")}
        return slots == {"taskSlotsTotal": "4", "taskSlotsAvailable": "4", "numRegisteredTaskManagers": "2"}

    eventually(all_are_free, "four free slots of two TaskManagers", 30.0)
    # What the Kubernetes operator's autoscaler asks for.
    wanted = [
        "Status.JVM.Memory.Heap.Max",
        "Status.JVM.Memory.Heap.Used",
        "Status.Flink.Memory.Managed.Used",
        "Status.JVM.Memory.Metaspace.Used",
        "Status.JVM.GarbageCollector.All.TimeMsPerSecond",
    ]
    path = f"/taskmanagers/metrics?get={','.join(wanted)}&agg=min,max,avg"
    eventually(lambda: cluster.ask(path), "the TaskManagers' metrics", 30.0)
    metrics = {metric["id"]: metric for metric in cluster.ask(path)}
    assert list(metrics) == wanted
    assert metrics["Status.JVM.Memory.Heap.Used"]["min"] > 0
    task_manager = cluster.ask("/taskmanagers")["taskmanagers"][0]["id"]
    (used,) = cluster.ask(f"/taskmanagers/{task_manager}/metrics?get=Status.JVM.Memory.Heap.Used")
    assert int(used["value"]) > 0


def test_watermarks(cluster: Cluster) -> None:
    with cluster.job() as job:
        source, second = (f"/jobs/{job}/vertices/{vertex['id']}/watermarks" for vertex in cluster.vertices(job))

        def have_come() -> bool:
            watermarks = cluster.ask(second)
            return len(watermarks) == 2 and all(int(watermark["value"]) > 0 for watermark in watermarks)

        eventually(have_come, "watermarks", 30.0)
        assert [watermark["id"] for watermark in cluster.ask(second)] == [
            "0.currentInputWatermark",
            "1.currentInputWatermark",
        ]
        assert cluster.ask(source) == []


def test_back_pressure_shows_where_the_bottleneck_is(cluster: Cluster) -> None:
    with cluster.job(slow=True) as job:
        source, second = (f"/jobs/{job}/vertices/{vertex['id']}/backpressure" for vertex in cluster.vertices(job))
        eventually(lambda: cluster.http.get(source).json().get("backpressure-level") == "high", "back pressure", 60.0)
        answer = cluster.ask(source)
        assert max(subtask["ratio"] for subtask in answer["subtasks"]) > 0.5

        def is_busy() -> bool:
            bottleneck = cluster.ask(second)
            assert bottleneck["backpressure-level"] == "ok"
            return all(float(subtask["busyRatio"]) > 0.5 for subtask in bottleneck["subtasks"])

        eventually(is_busy, "the slow tasks are busy", 30.0)


def test_savepoints(cluster: Cluster) -> None:
    target = cluster.directory / "savepoints"
    with cluster.job() as job:
        path, trigger_id = f"/jobs/{job}/savepoints", uuid.uuid4().hex
        body = {"target-directory": target.as_uri(), "triggerId": trigger_id, "formatType": "NATIVE"}
        for _ in range(2):  # the second one is the first one again
            assert cluster.ask(path, 202, "POST", body) == {"request-id": trigger_id}
        location = cluster.completed(f"{path}/{trigger_id}")["location"]
        assert [entry.as_uri().replace("///", "/") for entry in target.iterdir()] == [location.replace("///", "/")]
        assert cluster.state(job) == "RUNNING"

        # A place where nothing can be written: the operation is begun, and fails.
        blocked = cluster.directory / "a file"
        blocked.write_text("not a directory")
        request = cluster.ask(path, 202, "POST", {"target-directory": (blocked / "nope").as_uri()})
        cause = cluster.completed(f"{path}/{request['request-id']}")["failure-cause"]
        assert "a%20file/nope" in cause["stack-trace"] or "a file/nope" in cause["stack-trace"]
        assert cluster.state(job) == "RUNNING"

        request = cluster.ask(path, 202, "POST", {"target-directory": target.as_uri(), "cancel-job": True})
        cluster.completed(f"{path}/{request['request-id']}")
        cluster.until(job, "CANCELED")
        cluster.ask(path, 409, "POST", {"target-directory": target.as_uri()})

    request = cluster.ask("/savepoint-disposal", 200, "POST", {"savepoint-path": location})
    assert cluster.completed(f"/savepoint-disposal/{request['request-id']}") == {}
    assert len(list(target.iterdir())) == 1  # the one before the job was cancelled
    request = cluster.ask("/savepoint-disposal", 200, "POST", {"savepoint-path": location})
    assert "failure-cause" in cluster.completed(f"/savepoint-disposal/{request['request-id']}")


@pytest.mark.parametrize("drain", [False, True])
def test_stopping_with_a_savepoint(cluster: Cluster, drain: bool) -> None:
    target = cluster.directory / f"stopped-{drain}"
    with cluster.job() as job:
        body = {"targetDirectory": target.as_uri(), "drain": drain, "formatType": "CANONICAL"}
        request_id = cluster.ask(f"/jobs/{job}/stop", 202, "POST", body)["request-id"]
        location = cluster.completed(f"/jobs/{job}/savepoints/{request_id}")["location"]
        assert location.startswith("file:/")
        assert cluster.state(job) == "FINISHED"


def test_a_checkpoint_out_of_turn(cluster: Cluster) -> None:
    with cluster.job() as job:
        path = f"/jobs/{job}/checkpoints"
        request_id = cluster.ask(path, 202, "POST", {"checkpointType": "FULL"})["request-id"]
        checkpoint_id = cluster.completed(f"{path}/{request_id}")["checkpointId"]
        assert checkpoint_id >= 1
        assert cluster.ask(f"{path}/details/{checkpoint_id}")["status"] == "COMPLETED"


def test_rescaling(cluster: Cluster) -> None:
    with cluster.job() as job:
        assert [vertex["parallelism"] for vertex in cluster.vertices(job)] == [1, 2]
        request_id = cluster.ask(f"/jobs/{job}/rescaling?parallelism=3", 200, "PATCH")["request-id"]
        assert cluster.completed(f"/jobs/{job}/rescaling/{request_id}") == {}
        cluster.until_all_run(job)
        assert [vertex["parallelism"] for vertex in cluster.vertices(job)] == [1, 3]


def test_bounds_of_parallelism(cluster: Cluster) -> None:
    with cluster.job() as job:
        path = f"/jobs/{job}/resource-requirements"
        before = {vertex["id"]: vertex for vertex in cluster.vertices(job)}
        assert cluster.http.get(path).json().keys() == before.keys()
        body = {vertex: {"parallelism": {"lowerBound": 1, "upperBound": 1}} for vertex in before}
        assert cluster.ask(path, 200, "PUT", body) == {}

        def is_small() -> bool:
            return all(vertex["parallelism"] == 1 for vertex in cluster.vertices(job))

        eventually(is_small, "the job runs with a parallelism of 1", 60.0)
        cluster.until_all_run(job)
        assert cluster.http.get(path).json() == body
        cluster.ask(path, 400, "PUT", {})
