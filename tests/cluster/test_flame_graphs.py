"""Flame graphs of a job on real processes: what its tasks compute, and what they wait for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from millstream.common.config import Configuration
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import SourceContext, SourceFunction
from millstream.testing.process_cluster import ProcessCluster, eventually

SLOTS = 2


class Pouring(SourceFunction):
    """Gives numbers as fast as they are taken."""

    def __init__(self) -> None:
        self._running = True

    def run(self, context: SourceContext) -> None:
        number = 0
        while self._running:
            context.collect(number)
            number += 1

    def cancel(self) -> None:
        self._running = False


def hot_function(number: int) -> int:
    """Keeps the processor busy."""
    until = time.perf_counter() + 0.002
    while time.perf_counter() < until:
        pass
    return number


@pytest.fixture(params=["process", "thread"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    settings = {
        "taskmanager.slot.isolation": request.param,
        "rest.flamegraph.enabled": "true",
        "rest.flamegraph.num-samples": "40",
        "rest.flamegraph.delay-between-samples": "10 ms",
        "rest.flamegraph.refresh-interval": "100 ms",
        "rest.profiling.enabled": "true",
    }
    with ProcessCluster(
        tmp_path_factory.mktemp("cluster"), task_managers=1, slots=SLOTS, settings=settings, rest=True
    ) as processes:
        yield processes


def test_flame_graphs_show_the_hot_function_and_who_waits_for_it(cluster: ProcessCluster) -> None:
    env = StreamExecutionEnvironment.create_remote_environment(
        "localhost", cluster.port, configuration=Configuration.from_map({"taskmanager.network.memory.max": "8 mb"})
    )
    env.set_parallelism(1)
    poured = env.add_source(Pouring()).name("Pouring")
    poured.rebalance().map(hot_function).name("Hot").filter(lambda number: number < 0).print()
    job = env.execute_async("hot")
    with httpx.Client(base_url=cluster.rest_url(), timeout=20.0) as http:
        try:
            path = f"/jobs/{job.get_job_id()}"
            vertices: list[dict[str, Any]] = []

            def all_run() -> bool:
                try:
                    response = http.get(path)
                except httpx.ConnectError:  # it does not serve yet
                    return False
                vertices[:] = response.json().get("vertices", [])
                return bool(vertices) and all(vertex["status"] == "RUNNING" for vertex in vertices)

            eventually(all_run, "all tasks run")
            by_name = {vertex["name"]: f"{path}/vertices/{vertex['id']}/flamegraph" for vertex in vertices}
            source = next(url for name, url in by_name.items() if "Pouring" in name)
            hot = next(url for name, url in by_name.items() if "Hot" in name)
            eventually(
                lambda: _share(http, hot, "on_cpu", "hot_function") > 0.5, "the hot function is on the processor"
            )
            eventually(
                lambda: _share(http, source, "off_cpu", "EdgeOutput.wait_room") > 0, "the source's task waits for room"
            )
            eventually(
                lambda: _share(http, source, "off_cpu", "LegacySource.block") > 0, "the source's thread waits for room"
            )
            assert _share(http, hot, "off_cpu", "hot_function") == 0
            one = http.get(hot, params={"type": "full", "subtaskindex": 0}).json()
            assert one["endTimestamp"] == -3 or one["data"]["name"] == "root"
            _profile_and_check(http)
        finally:
            job.cancel().result()
            cluster.wait_for_slots(SLOTS)
        eventually(lambda: http.get(hot).json() == {"endTimestamp": -1}, "there is nothing to sample any more")


def _profile_and_check(http: httpx.Client) -> None:
    """A profile of the TaskManager has the hot function, one of the master what serves this."""
    (task_manager,) = http.get("/taskmanagers").json()["taskmanagers"]
    paths = {f"/taskmanagers/{task_manager['id']}/profiler": "hot_function", "/jobmanager/profiler": "jobmanager Main"}
    for path in paths:
        mode = "CPU" if "taskmanagers" in path else "WALL"
        response = http.post(path, json={"mode": mode, "duration": 1})
        assert response.status_code == 200, response.text
    for path, expected in paths.items():
        eventually(partial(_has_ended, http, path), f"{path} has ended")
        (entry,) = http.get(path).json()["profilingList"]
        assert entry["status"] == "FINISHED", entry
        assert entry["message"] is None
        assert expected in http.get(f"{path}/{entry['outputFile']}").text


def _has_ended(http: httpx.Client, path: str) -> bool:
    return all(entry["status"] != "RUNNING" for entry in http.get(path).json()["profilingList"])


def _share(http: httpx.Client, url: str, graph_type: str, function: str) -> float:
    """How many of the samples of a graph go through a function, of all of them."""
    response = http.get(url, params={"type": graph_type})
    assert response.status_code == 200, response.text
    data = response.json().get("data")
    if not data or not data["value"]:
        return 0.0
    return _through(data, function) / int(data["value"])


def _through(node: dict[str, Any], function: str) -> int:
    if node["name"].rpartition(":")[0].endswith(f".{function}"):
        return int(node["value"])
    return sum(_through(child, function) for child in node["children"])
