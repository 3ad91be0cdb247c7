"""The REST interface keeps to its own description, whatever is asked.

Requests are generated from ``openapi.json`` and sent to a real cluster with jobs that run, have finished and have
failed, and each answer is held to what is described.

Half of the requests are what the description allows, with ids of what is there; the others break it somewhere.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cloudpickle
import httpx
import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import content_type_conformance, response_schema_conformance, status_code_conformance
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from millstream.common.config import Configuration
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import SourceContext, SourceFunction
from millstream.testing.process_cluster import ProcessCluster, eventually
from tests.unit.dispatcher.rest.shapes import differences, endpoints

_ALLOWED, _WRONG = GenerationMode("positive"), GenerationMode("negative")
_EXAMPLES: Final[dict[GenerationMode, int]] = {_ALLOWED: 4, _WRONG: 2}
"""Requests to each operation."""
_LEFT_OUT: Final = {("DELETE", "/v1/cluster")}
"""It would be the last request."""
_NEED_MORE: Final = ("{triggerid}", "{jarid}", "/stdout")
"""Parts of the paths of recorded endpoints for which there is nothing on this cluster."""
_ENDS_THE_JOB: Final = "/v1/jobs/{jobid}/yarn-cancel"
_UNAVAILABLE: Final = {("PATCH", "/v1/jobs/{jobid}/rescaling"): 503}
"""Answers of the server's that say that something is not there now, and no more."""


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


def _same(number: int) -> int:
    return number


def _fail(number: int) -> int:
    raise ValueError(f"{number} is too much")


@dataclass(frozen=True)
class Cluster:
    """A cluster with a job of each kind.

    :ivar places: values of path parameters for which something is there, by job.
    """

    url: str
    http: httpx.Client
    running: str
    places: dict[str, dict[str, list[Any]]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    settings = {
        "metrics.fetcher.update-interval": "500 ms",
        "rest.flamegraph.enabled": "true",
        "web.checkpoints.history": "10000",
        "env.log.dir": str(directory / "logs"),
    }
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    try:
        with (
            ProcessCluster(directory / "logs", task_managers=1, slots=4, rest=True, settings=settings) as processes,
            httpx.Client(base_url=processes.rest_url(), timeout=30.0) as http,
        ):
            eventually(lambda: _answers(http), "the REST interface answers")
            finished, failed = _submit(processes, _same), _submit(processes, _fail)
            running = _submit(processes, _same, directory / "checkpoints")
            eventually(lambda: _state(http, finished) == "FINISHED", "a job has finished")
            eventually(lambda: _state(http, failed) == "FAILED", "a job has failed")
            path = f"/jobs/{running}/checkpoints"
            eventually(lambda: http.get(path).json()["counts"]["completed"] >= 2, "two checkpoints", 60.0)
            places = {job: _places(http, job) for job in (running, finished, failed)}
            yield Cluster(processes.rest_url(), http, running, places)
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/overview").is_success
    except httpx.TransportError:
        return False


def _submit(processes: ProcessCluster, step: Callable[[int], int], checkpoints: Path | None = None) -> str:
    settings = {"restart-strategy.type": "none"}
    if checkpoints is not None:
        settings |= {"execution.checkpointing.interval": "200 ms", "execution.checkpointing.dir": checkpoints.as_uri()}
    configuration = Configuration.from_map(settings)
    env = StreamExecutionEnvironment.create_remote_environment("localhost", processes.port, configuration=configuration)
    env.set_parallelism(2)
    numbers = env.add_source(Endless()) if checkpoints is not None else env.from_collection(range(10))
    numbers.key_by(_same).map(step).print()
    return str(env.execute_async("counting").get_job_id())


def _state(http: httpx.Client, job: str) -> object:
    return http.get(f"/jobs/{job}/status").json().get("status")


def _places(http: httpx.Client, job: str) -> dict[str, list[Any]]:
    vertices = http.get(f"/jobs/{job}").json()["vertices"]
    checkpoints = http.get(f"/jobs/{job}/checkpoints")
    return {
        "jobid": [job],
        "vertexid": [vertex["id"] for vertex in vertices],
        "subtaskindex": [0],
        "attempt": [0],
        "checkpointid": [entry["id"] for entry in checkpoints.json().get("history", [])] or [1],
        "taskmanagerid": [manager["id"] for manager in http.get("/taskmanagers").json()["taskmanagers"]],
        "filename": [log["name"] for log in http.get("/jobmanager/logs").json()["logs"]] or ["nothing.log"],
    }


def _send(cluster: Cluster, operation: Any, mode: GenerationMode, statuses: set[int], failures: dict[str, str]) -> None:
    """Send generated requests of one operation; each kind of failure is kept with the first request that shows it."""
    method, path = operation.method.upper(), operation.path
    only_looks = method == "GET" and path != _ENDS_THE_JOB
    jobs = [job for job in cluster.places if only_looks or job != cluster.running]

    @hypothesis.seed(20)
    @hypothesis.settings(
        max_examples=_EXAMPLES[mode],
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode), st.sampled_from(jobs), st.data())
    def send(case: Any, job: str, data: st.DataObject) -> None:
        if mode == _ALLOWED:
            for name in case.path_parameters or {}:
                if name in cluster.places[job]:
                    case.path_parameters[name] = data.draw(st.sampled_from(cluster.places[job][name]))
        try:
            answer = case.call(base_url=cluster.url, timeout=30)
        except requests.exceptions.InvalidHeader:
            hypothesis.reject()
        statuses.add(answer.status_code)
        if answer.status_code >= 500 and _UNAVAILABLE.get((method, path)) != answer.status_code:
            failures.setdefault(
                f"{operation.label}: status {answer.status_code}", f"{_told(case)}: {answer.text[:1000]}"
            )
        checks = [status_code_conformance, content_type_conformance, response_schema_conformance]
        try:
            case.validate_response(answer, checks=checks)
        except FailureGroup as found:
            for error in found.exceptions:
                failures.setdefault(f"{operation.label}: {type(error).__name__}", f"{_told(case)}: {error}")

    try:
        send()
    except hypothesis.errors.Unsatisfiable:
        pass  # such an operation cannot be asked for wrongly


def _told(case: Any) -> str:
    return f"path {case.path_parameters}, query {case.query}, body {case.body!r}"


@pytest.mark.timeout(300)
def test_every_answer_is_as_described(cluster: Cluster) -> None:
    schema = schemathesis.openapi.from_dict(cluster.http.get("/openapi.json").json())
    failures: dict[str, str] = {}
    answered: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result.err()
        operation = result.ok()
        if (operation.method.upper(), operation.path) in _LEFT_OUT:
            continue
        statuses = answered[operation.label] = set()
        for mode in _EXAMPLES:
            _send(cluster, operation, mode, statuses, failures)
    assert not failures, "\n".join(f"{name}\n    {what}" for name, what in failures.items())
    assert _state(cluster.http, cluster.running) == "RUNNING"
    assert len(answered) > 70
    reached = [label for label, statuses in answered.items() if statuses & {200, 202}]
    assert len(reached) > 45, "most operations are to be reached, and not only refused"


def test_every_recorded_endpoint_has_the_shape_of_flinks(cluster: Cluster) -> None:
    wrong: list[str] = []
    walked = 0
    for name, shapes in endpoints().items():
        method, _, template = name.partition(" ")
        if method != "GET" or "200" not in shapes or any(parameter in template for parameter in _NEED_MORE):
            continue
        walked += 1
        for job in cluster.places:
            path = template.replace("?get", "?get=numRecordsIn,numRestarts,Status.JVM.CPU.Load")
            for parameter, values in cluster.places[job].items():
                path = path.replace(f"{{{parameter}}}", str(values[-1]))
            answer = cluster.http.get(path)
            if answer.status_code == 404 and "checkpoints/" in path and job != cluster.running:
                continue  # such a job has none
            if path.endswith("/backpressure") and answer.json() == {"status": "deprecated"} and job != cluster.running:
                continue  # what has ended has no load
            if answer.status_code != 200:
                wrong.append(f"{path}: {answer.status_code} {answer.text[:300]}")
                continue
            wrong += [f"{path} {difference}" for difference in differences(answer.json(), shapes["200"])]
    assert walked > 40
    assert not wrong, "\n".join(wrong)
