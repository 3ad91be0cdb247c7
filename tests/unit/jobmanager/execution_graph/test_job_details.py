"""What clients are told of a job."""

from __future__ import annotations

from millstream.common.config import Configuration
from millstream.common.failure import USER_CODE, engine_failure
from millstream.common.ids import AllocationId, ResourceId, VertexId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.cluster_pb2 import AccumulatorValue, JobDetails, TaskMetrics
from millstream.jobmanager.execution_graph import (
    ExecutionGraph,
    ExecutionVertexID,
    PhysicalSlot,
    TaskManagerLocation,
)
from millstream.jobmanager.execution_graph.job_details import build_job_details, build_job_summary
from millstream.jobmanager.failover.exception_history import ExceptionHistory
from tests.unit.jobmanager.job_graphs import execution_graph, job_graph, vertex

SLOT = PhysicalSlot(AllocationId("slot"), 0, TaskManagerLocation(ResourceId("tm"), "host.example", 7), "10.0.0.1", 4000)


def _graph() -> ExecutionGraph:
    return execution_graph(
        job_graph([vertex("source", 2), vertex("sink", 1)], [("source", "sink", "HASH")], {"k": "v"}), history_size=2
    )


def _details(graph: ExecutionGraph, settings: dict[str, str] | None = None) -> JobDetails:
    return build_job_details(graph, ExceptionHistory(16), Configuration.from_map(settings or {}), "never")


def _run(graph: ExecutionGraph, name: str, *states: ExecutionState, at: int) -> None:
    execution = graph.vertex(ExecutionVertexID(VertexId(name.ljust(32, "0")), 0)).current
    for state in states:
        if state is ExecutionState.DEPLOYING:
            execution.slot = SLOT
        execution.transition(state, at)


def test_details_tell_how_the_job_stands() -> None:
    details = _details(_graph(), {"pipeline.max-parallelism": "64", "execution.runtime-mode": "BATCH"})
    assert details.summary.state == "CREATED"
    assert details.summary.tasks_total == 3
    assert details.summary.end_time_ms == 0
    assert dict(details.task_counts) == {"CREATED": 3}
    assert [(one.name, one.parallelism, len(one.subtasks)) for one in details.vertices] == [
        ("source", 2, 2),
        ("sink", 1, 1),
    ]
    assert [(one.bounds.lower_bound, one.bounds.upper_bound) for one in details.vertices] == [(1, 2), (1, 1)]
    (group_id,) = {one.slot_sharing_group_id for one in details.vertices}
    assert len(bytes.fromhex(group_id)) == 16
    assert dict(details.configuration) == {"k": "v"}
    assert (details.max_parallelism, details.job_type, details.restart_strategy) == (64, "BATCH", "never")
    assert not details.stoppable
    assert not details.HasField("failure")


def test_defaults() -> None:
    details = _details(_graph())
    assert (details.max_parallelism, details.job_type) == (0, "STREAMING")


def test_the_summary_counts_tasks_and_knows_the_last_change() -> None:
    graph = _graph()
    graph.transition(JobStatus.RUNNING, 5)
    assert (build_job_summary(graph).last_modification_ms, build_job_summary(graph).start_time_ms) == (5, 0)
    _run(graph, "sink", ExecutionState.SCHEDULED, ExecutionState.DEPLOYING, ExecutionState.RUNNING, at=9)
    summary = build_job_summary(graph)
    assert dict(summary.task_counts) == {"CREATED": 2, "RUNNING": 1}
    assert summary.last_modification_ms == 9
    assert summary == _details(graph).summary


def test_where_a_task_ran_and_what_it_was_before() -> None:
    graph = _graph()
    sink = ExecutionVertexID(VertexId("sink".ljust(32, "0")), 0)
    for attempt in range(4):
        _run(graph, "sink", ExecutionState.SCHEDULED, ExecutionState.DEPLOYING, ExecutionState.RUNNING, at=attempt)
        if attempt < 3:
            graph.vertex(sink).current.failure = engine_failure(USER_CODE, f"boom {attempt}", full_traceback="long")
            _run(graph, "sink", ExecutionState.FAILED, at=attempt)
            graph.reset_vertex(sink, attempt)
    (subtask,) = _details(graph).vertices[1].subtasks
    assert (subtask.host, subtask.data_port, subtask.task_manager_id) == ("host.example", 4000, "tm")
    assert dict(subtask.state_timestamps) == {"CREATED": 2, "SCHEDULED": 3, "DEPLOYING": 3, "RUNNING": 3}
    earlier = [(one.attempt_number, one.state, one.failure.message) for one in subtask.earlier_attempts]
    assert earlier == [(2, "FAILED", "boom 2"), (1, "FAILED", "boom 1")], "the latest first, and not all of them"
    assert not any(one.failure.full_traceback for one in subtask.earlier_attempts)
    assert dict(_details(graph).task_counts) == {"CREATED": 2, "RUNNING": 1}


def test_accumulators_of_tasks_are_put_together() -> None:
    graph = _graph()
    for number, task in enumerate(graph.vertices()):
        task.current.metrics = TaskMetrics(
            records_in=number,
            accumulators=[
                AccumulatorValue(name="seen", type="IntCounter", whole=str(number)),
                AccumulatorValue(name="words", type="Words", text=f"{{{number}}}", pickled=bytes([number])),
            ],
        )
    details = _details(graph)
    assert [(one.name, one.text, one.pickled) for one in details.accumulators] == [
        ("seen", "3", b""),
        ("words", "{0}; {1}; {2}", b""),
    ]
    own = details.vertices[0].subtasks[1]
    assert [(one.name, one.whole, one.pickled) for one in own.accumulators] == [
        ("seen", "1", b""),
        ("words", "", b"\1"),
    ]
    assert own.metrics == TaskMetrics(records_in=1)


def test_only_the_current_attempt_counts() -> None:
    graph = _graph()
    sink = ExecutionVertexID(VertexId("sink".ljust(32, "0")), 0)
    counted = [
        AccumulatorValue(name="seen", type="IntCounter", whole="5"),
        AccumulatorValue(name="words", type="Words", text="[]", pickled=b"x"),
    ]
    _run(graph, "sink", ExecutionState.SCHEDULED, ExecutionState.DEPLOYING, ExecutionState.RUNNING, at=1)
    graph.vertex(sink).current.metrics = TaskMetrics(accumulators=counted)
    assert [one.name for one in _details(graph).accumulators] == ["seen", "words"]
    _run(graph, "sink", ExecutionState.FAILED, at=2)
    graph.reset_vertex(sink, 3)
    details = _details(graph)
    assert not details.accumulators
    (earlier,) = details.vertices[1].subtasks[0].earlier_attempts
    assert [(one.name, one.pickled) for one in earlier.accumulators] == [("seen", b""), ("words", b"")]


def test_accumulators_leave_room_for_the_rest_of_the_report() -> None:
    graph = _graph()
    for task in graph.vertices():
        large = AccumulatorValue(name="words", type="Words", text="[...]", pickled=b"x" * 1000)
        task.current.metrics = TaskMetrics(accumulators=[large])
    told = [
        subtask.accumulators[0].HasField("failure")
        for vertex_details in _details(graph, {"pekko.framesize": "10000 b"}).vertices
        for subtask in vertex_details.subtasks
    ]
    assert told == [False, False, True]
