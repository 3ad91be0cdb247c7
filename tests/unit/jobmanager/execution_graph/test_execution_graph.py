"""Unrolling a JobGraph, attempts, and what is refused."""

from __future__ import annotations

import pytest

from millstream.common.errors import InvalidProgramError
from millstream.common.ids import VertexId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.execution_graph import ExecutionVertexID
from tests.unit.jobmanager.job_graphs import execution_graph, job_graph, vertex


def test_one_execution_vertex_per_subtask() -> None:
    graph = execution_graph(job_graph([vertex("source", 2), vertex("sink", 3)], [("source", "sink", "REBALANCE")]))
    assert [one.task_name for one in graph.vertices()] == [
        "source (1/2)",
        "source (2/2)",
        "sink (1/3)",
        "sink (2/3)",
        "sink (3/3)",
    ]
    assert graph.status is JobStatus.CREATED
    assert {one.state for one in graph.vertices()} == {ExecutionState.CREATED}
    assert len({one.current.attempt_id for one in graph.vertices()}) == 5


def test_attempts_are_found_until_a_new_one_begins_and_history_is_bounded() -> None:
    graph = execution_graph(job_graph([vertex("map")]), history_size=2)
    (subtask,) = graph.vertices()
    old_ids = []
    for number in range(4):
        attempt = subtask.current
        assert attempt.attempt_number == number
        assert graph.vertex_of_attempt(attempt.attempt_id) is subtask
        old_ids.append(attempt.attempt_id)
        attempt.transition(ExecutionState.CANCELED, number)
        graph.reset_vertex(subtask.id, number)
        assert graph.vertex_of_attempt(attempt.attempt_id) is None
    assert [execution.attempt_id for execution in subtask.history] == old_ids[-2:]


def test_a_running_attempt_cannot_be_reset() -> None:
    graph = execution_graph(job_graph([vertex("map")]))
    with pytest.raises(ValueError, match="has not ended"):
        graph.reset_vertex(ExecutionVertexID(VertexId("map".ljust(32, "0")), 0), 1)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (job_graph([]), "has no vertices"),
        (job_graph([vertex("a"), vertex("a")]), "two vertices with the id"),
        (job_graph([vertex("a", 0)]), "parallelism 0"),
        (job_graph([vertex("a")], [("a", "b", "HASH")]), "unknown vertex b"),
    ],
)
def test_contradictions_are_refused(graph: JobGraph, message: str) -> None:
    with pytest.raises(InvalidProgramError, match=message):
        execution_graph(graph)


def test_a_job_is_unrolled_anew_at_another_parallelism() -> None:
    edges = [("source", "sink", "HASH")]
    graph = execution_graph(job_graph([vertex("source", 2), vertex("sink", 2)], edges))
    old = [one.current.attempt_id for one in graph.vertices()]
    other = job_graph([vertex("source", 1), vertex("sink", 3)], edges)
    for subtask in graph.vertices():
        subtask.current.transition(ExecutionState.CANCELED, 5)
    graph.rescale(other, 7)
    assert [one.task_name for one in graph.vertices()] == ["source (1/1)", "sink (1/3)", "sink (2/3)", "sink (3/3)"]
    assert {one.state for one in graph.vertices()} == {ExecutionState.CREATED}
    assert all(graph.vertex_of_attempt(attempt) is None for attempt in old)
    assert all(graph.vertex_of_attempt(one.current.attempt_id) is one for one in graph.vertices())
    (edge,) = other.edges
    assert list(graph.wiring(edge.edge_id).consumers_of_producer(0)) == [0, 1, 2]
    assert graph.job_graph is other
    assert graph.status is JobStatus.CREATED


def test_a_job_whose_tasks_may_be_alive_is_not_unrolled_anew() -> None:
    graph = execution_graph(job_graph([vertex("map")]))
    (subtask,) = graph.vertices()
    subtask.current.transition(ExecutionState.SCHEDULED, 1)
    subtask.current.transition(ExecutionState.DEPLOYING, 2)
    with pytest.raises(ValueError, match=r"while map \(1/1\) may be alive"):
        graph.rescale(job_graph([vertex("map", 2)]), 3)
