"""Execution as a program sees it, against a cluster that only keeps what it is given."""

from __future__ import annotations

import json
import pickle
from typing import Any

import cloudpickle
import pytest

from millstream.common import Configuration, JobStatus, Row, Types
from millstream.common.errors import JobExecutionError, MillstreamError
from millstream.common.failure import USER_CODE, FailureInfo
from millstream.datastream import CloseableIterator, StreamExecutionEnvironment
from tests.unit.datastream.conftest import RecordingExecutor, ScriptedJobClient


def test_execute_submits_everything_once(env: StreamExecutionEnvironment, executor: RecordingExecutor) -> None:
    stream = env.from_sequence(1, 2)
    stream.print()
    stream.map(lambda v: v)
    result = env.execute("first")
    assert result.get_job_id() == executor.graphs[0].job_id
    assert result.get_net_runtime() == 7
    with pytest.raises(MillstreamError, match="No operators defined"):
        env.execute()
    stream.filter(bool)
    env.execute()
    names = [[vertex.name for vertex in graph.vertices] for graph in executor.graphs]
    assert names == [
        ["Source: Sequence Source -> (Sink: Print to Std. Out, Map)"],
        ["Source: Sequence Source -> Filter"],
    ]
    assert [graph.name for graph in executor.graphs] == ["first", "Flink Streaming Job"]
    assert executor.graphs[0].job_id != executor.graphs[1].job_id


def test_the_jobs_name_from_the_configuration(env: StreamExecutionEnvironment, executor: RecordingExecutor) -> None:
    env.configure(Configuration().set_string("pipeline.name", "configured"))
    env.from_sequence(1, 2).print()
    env.execute()
    assert executor.graphs[0].name == "configured"


def test_detached(env: StreamExecutionEnvironment, executor: RecordingExecutor) -> None:
    executor.is_attached = False
    env.from_sequence(1, 2).print()
    assert env.execute().get_net_runtime() == -1


def test_execute_raises_what_the_job_failed_with(env: StreamExecutionEnvironment, executor: RecordingExecutor) -> None:
    failure = FailureInfo(kind=USER_CODE, exception_type="ValueError", message="bad price", subtask_index=-1)
    executor.prepare = lambda client: setattr(client, "failure", JobExecutionError(client.job_id, failure))
    env.from_sequence(1, 2).print()
    with pytest.raises(JobExecutionError) as caught:
        env.execute()
    assert str(caught.value).startswith("ValueError: bad price")


def test_execute_async_gives_futures(env: StreamExecutionEnvironment, executor: RecordingExecutor) -> None:
    env.from_sequence(1, 2).print()
    client = env.execute_async("x")
    assert client.get_job_id() == executor.graphs[0].job_id
    assert client.get_job_status().result() is JobStatus.RUNNING
    assert client.get_job_execution_result().result(10).get_net_runtime() == 7
    client.cancel().result()
    assert executor.clients[0].cancelled
    assert client.get_job_status().result() is JobStatus.CANCELED


def test_savepoints_are_futures_too(env: StreamExecutionEnvironment) -> None:
    env.from_sequence(1, 2).print()
    client = env.execute_async("x")
    assert client.trigger_savepoint("/s").result(10) == "/s/CANONICAL"
    assert client.trigger_savepoint(format_type="NATIVE").result(10) == "None/NATIVE"
    assert client.stop_with_savepoint(True, "/s").result(10) == "/s/CANONICAL/drained"
    assert client.stop_with_savepoint(False).result(10) == "None/CANONICAL/suspended"
    assert client.cancel_with_savepoint("/s").result(10) == "/s/CANONICAL/cancelled"


def test_where_a_job_begins_travels_with_it(env: StreamExecutionEnvironment, executor: RecordingExecutor) -> None:
    settings = {"execution.state-recovery.path": "/s/savepoint-1", "execution.state-recovery.claim-mode": "CLAIM"}
    env.configure(Configuration.from_map(settings))
    env.from_sequence(1, 2).print()
    env.execute()
    assert settings.items() <= dict(executor.graphs[0].configuration).items()


def test_plan(env: StreamExecutionEnvironment) -> None:
    lines = env.from_collection(["a"], Types.STRING()).name("lines")
    lines.key_by(lambda v: v).map(lambda v: v).set_description("does nothing").print().name("out")
    plan = json.loads(env.get_execution_plan())
    assert plan == {
        "nodes": [
            {"id": 1, "type": "Source: lines", "pact": "Data Source", "contents": "Source: lines", "parallelism": 1},
            {
                "id": 3,
                "type": "Map",
                "pact": "Operator",
                "contents": "does nothing",
                "parallelism": 4,
                "predecessors": [
                    {
                        "id": 1,
                        "ship_strategy": "HASH",
                        "side": "second",
                        "serializer": "columns",
                        "record_type": "String",
                    }
                ],
            },
            {
                "id": 4,
                "type": "Sink: out",
                "pact": "Data Sink",
                "contents": "Sink: out",
                "parallelism": 4,
                "predecessors": [
                    {"id": 3, "ship_strategy": "FORWARD", "side": "second", "serializer": "none (chained)"}
                ],
            },
        ]
    }
    assert env.get_job_graph().plan_json == env.get_execution_plan()


def test_a_function_that_holds_the_environment(env: StreamExecutionEnvironment) -> None:
    with pytest.raises(TypeError, match="cannot be used inside a function"):
        pickle.dumps(env)


# -- execute_and_collect ------------------------------------------------------------------------------------------


class Sink:
    """Answers like the collecting sink: at most ``step`` results at a time, nothing now and then."""

    def __init__(self, values: list[Any], step: int = 2, pauses: int = 1) -> None:
        self.values = values
        self.step = step
        self.pauses = pauses
        self.paused: dict[int, int] = {}

    def __call__(self, received: int) -> bytes:
        if self.paused.setdefault(received, 0) < self.pauses:
            self.paused[received] += 1
            if received < len(self.values):
                return pickle.dumps(("", received, [], False, received))
        results = self.values[received : received + self.step]
        end = received + len(results)
        return pickle.dumps(("", received, results, end == len(self.values), end))


def _collect(client: ScriptedJobClient) -> tuple[CloseableIterator, list[float]]:
    pauses: list[float] = []
    return CloseableIterator(client, "operator", pauses.append), pauses  # type: ignore[arg-type]


def _client(values: list[Any], **more: Any) -> ScriptedJobClient:
    return ScriptedJobClient("job", Sink(values, **more))  # type: ignore[arg-type]


def test_results_come_in_order() -> None:
    client = _client([1, 2, 3, 4, 5])
    results, _ = _collect(client)
    assert list(results) == [1, 2, 3, 4, 5]
    assert client.requests[-1] == 5, "the last results are acknowledged"
    results.close()
    assert not client.cancelled


def test_no_results() -> None:
    results, _ = _collect(_client([]))
    assert not results.has_next()
    with pytest.raises(StopIteration):
        results.next()


def test_questions_become_rarer_while_there_is_nothing() -> None:
    client = _client([1], pauses=12)
    results, pauses = _collect(client)
    assert list(results) == [1]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 0.1
    assert len(pauses) == 12


def test_results_that_come_twice_are_taken_once() -> None:
    client = ScriptedJobClient(
        "job",  # type: ignore[arg-type]
        lambda received: pickle.dumps(("", 0, [1, 2, 3][: received + 2], received >= 2, 3)),
    )
    results, _ = _collect(client)
    assert list(results) == [1, 2, 3]


def test_results_that_are_lost() -> None:
    results, _ = _collect(ScriptedJobClient("job", lambda received: pickle.dumps(("", 5, [1], False, 6))))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="results 0 to 4 of job job are lost"):
        next(results)


def test_a_job_that_fails_before_its_sink_is_there() -> None:
    error = JobExecutionError("job", FailureInfo(kind=USER_CODE, exception_type="ValueError", message="no"))
    client = ScriptedJobClient("job", status=JobStatus.FAILED, failure=error)  # type: ignore[arg-type]
    results, _ = _collect(client)
    with pytest.raises(JobExecutionError, match="ValueError: no"):
        list(results)
    results.close()
    assert not client.cancelled


def test_a_job_that_fails_after_its_last_result_gives_the_results_first() -> None:
    client = _client([1, 2, 3])
    client.failure = JobExecutionError("job", FailureInfo(kind=USER_CODE, exception_type="OSError", message="late"))
    results, _ = _collect(client)
    assert [next(results), next(results), next(results)] == [1, 2, 3]
    with pytest.raises(JobExecutionError):
        next(results)


def test_closing_early_cancels_the_job() -> None:
    client = _client([1, 2, 3, 4])
    with _collect(client)[0] as results:
        assert next(results) == 1
    assert client.cancelled
    results.close()
    assert list(results) == []


def test_a_limit_gives_a_list(env: StreamExecutionEnvironment, executor: RecordingExecutor) -> None:
    executor.prepare = lambda client: setattr(client, "answer", Sink([1, 2, 3, 4, 5]))
    assert env.from_sequence(1, 5).execute_and_collect("job", 3) == [1, 2, 3]
    assert executor.clients[0].cancelled
    assert env.from_sequence(1, 5).execute_and_collect(limit=9) == [1, 2, 3, 4, 5]
    assert not executor.clients[1].cancelled
    assert env.from_sequence(1, 5).execute_and_collect(limit=0) == []
    graph = executor.graphs[0]
    assert graph.name == "job"
    assert [(vertex.name, vertex.parallelism) for vertex in graph.vertices] == [
        ("Source: Sequence Source", 4),
        ("Sink: Data stream collect sink", 1),
    ]


def test_a_keyed_stream_collects_rows_of_key_and_record(
    env: StreamExecutionEnvironment, executor: RecordingExecutor
) -> None:
    executor.prepare = lambda client: setattr(client, "answer", Sink([]))
    assert list(env.from_sequence(1, 5).key_by(lambda v: v % 2).execute_and_collect()) == []
    operators = {each.name: each for vertex in executor.graphs[0].vertices for each in vertex.operators}
    function = cloudpickle.loads(operators["Map"].spec).function
    assert function(3) == Row(f0=1, f1=3)
