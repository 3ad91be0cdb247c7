"""Who takes part in a checkpoint: which tasks are told to begin it, and which have to acknowledge it.

Barriers begin at the sources and flow from there. A task that has finished sends none any more, so where all producers
of a task have finished, the task itself is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from millstream.common.ids import AttemptId, ResourceId, VertexId
from millstream.common.states import ExecutionState
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertex, ExecutionVertexID

__all__ = ["CheckpointPlan", "by_task_manager", "make_plan", "not_running", "trigger_tasks"]


@dataclass(frozen=True, slots=True)
class CheckpointPlan:
    """One checkpoint's participants.

    :ivar tasks: the attempts that have to acknowledge.
    :ivar triggered: those of them that are told to begin.
    :ivar finished: subtasks that have finished before, and have no part in it.
    """

    tasks: Mapping[AttemptId, ExecutionVertexID]
    triggered: tuple[AttemptId, ...]
    finished: frozenset[ExecutionVertexID]


def not_running(graph: ExecutionGraph) -> ExecutionVertex | None:
    """Return a subtask that neither runs nor has finished: there can be no checkpoint because of it."""
    states = (ExecutionState.RUNNING, ExecutionState.FINISHED)
    return next((vertex for vertex in graph.vertices() if vertex.state not in states), None)


def make_plan(graph: ExecutionGraph) -> CheckpointPlan:
    """Return the plan of a checkpoint that begins now; every task must run or have finished."""
    return CheckpointPlan(
        {vertex.current.attempt_id: vertex.id for vertex in graph.vertices() if _runs(vertex)},
        tuple(vertex.current.attempt_id for vertex in trigger_tasks(graph)),
        frozenset(vertex.id for vertex in graph.vertices() if vertex.state is ExecutionState.FINISHED),
    )


def trigger_tasks(graph: ExecutionGraph) -> list[ExecutionVertex]:
    """Return the running tasks that no barrier will come to by itself."""
    finished = {
        job_vertex.id: [subtask.state is ExecutionState.FINISHED for subtask in job_vertex.subtasks]
        for job_vertex in graph.job_vertices.values()
    }
    result = []
    for job_vertex in graph.job_vertices.values():
        inputs = graph.inputs[job_vertex.id]
        if all(any(finished[VertexId(edge.source_vertex)]) for edge in inputs):
            result += [
                vertex
                for vertex in job_vertex.subtasks
                if _runs(vertex)
                and all(
                    finished[VertexId(edge.source_vertex)][channel.producer]
                    for edge in inputs
                    for channel in graph.wiring(edge.edge_id).channels_of_consumer(vertex.id.subtask_index)
                )
            ]
    return result


def by_task_manager(vertices: Iterable[ExecutionVertex]) -> dict[ResourceId, tuple[AttemptId, ...]]:
    """Return the current attempts of these subtasks by where they run; those that have no slot are left out."""
    result: dict[ResourceId, list[AttemptId]] = {}
    for vertex in vertices:
        slot = vertex.current.slot
        if slot is not None:
            result.setdefault(slot.task_manager.resource_id, []).append(vertex.current.attempt_id)
    return {resource_id: tuple(attempts) for resource_id, attempts in result.items()}


def _runs(vertex: ExecutionVertex) -> bool:
    return vertex.state is ExecutionState.RUNNING
