"""Who takes part in a checkpoint: which tasks are told to begin it, and which have to acknowledge it.

Barriers begin at the sources and flow from there. A task that has finished sends none any more, so where all producers
of a task have finished, the task itself is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from millstream.common.ids import AttemptId, ResourceId, VertexId
from millstream.common.states import ExecutionState, JobStatus
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertex, ExecutionVertexID

__all__ = [
    "CheckpointPlan",
    "by_task_manager",
    "is_running",
    "make_plan",
    "not_running",
    "refusal",
    "running_members",
    "trigger_tasks",
]


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


def refusal(graph: ExecutionGraph) -> str:
    """Return why the job's tasks cannot take part in a checkpoint now, for people; empty: they can."""
    if graph.status is not JobStatus.RUNNING:
        return f"job {graph.job_id} is {graph.status.name}, not RUNNING"
    vertex = not_running(graph)
    if vertex is not None:
        return f"not all tasks run: {vertex.task_name} is {vertex.state.name}. Try again when they do"
    if graph.all_finished():
        return f"all tasks of job {graph.job_id} have finished"
    return ""


def make_plan(graph: ExecutionGraph) -> CheckpointPlan:
    """Return the plan of a checkpoint that begins now; every task must run or have finished."""
    return CheckpointPlan(
        {vertex.current.attempt_id: vertex.id for vertex in graph.vertices() if is_running(vertex)},
        tuple(vertex.current.attempt_id for vertex in trigger_tasks(graph)),
        frozenset(vertex.id for vertex in graph.vertices() if vertex.state is ExecutionState.FINISHED),
    )


def running_members(plan: CheckpointPlan, graph: ExecutionGraph) -> list[ExecutionVertex]:
    """Return the subtasks that run in the very attempts that have a part in a checkpoint."""
    vertices = map(graph.vertex_of_attempt, plan.tasks)
    return [vertex for vertex in vertices if vertex is not None and is_running(vertex)]


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
                if is_running(vertex)
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


def is_running(vertex: ExecutionVertex) -> bool:
    """Whether a subtask runs."""
    return vertex.state is ExecutionState.RUNNING
