"""Makes the report on a job that clients see."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.failure import FailureInfo
from millstream.common.wire.cluster_pb2 import JobDetails, JobSummary, SubtaskDetails, VertexDetails
from millstream.jobmanager.execution_graph.execution_graph import ExecutionGraph
from millstream.jobmanager.execution_graph.execution_job_vertex import ExecutionJobVertex
from millstream.jobmanager.execution_graph.execution_vertex import ExecutionVertex

__all__ = ["build_job_details"]


def build_job_details(graph: ExecutionGraph, failure_history: Iterable[FailureInfo]) -> JobDetails:
    """Return the job as it stands.

    :param failure_history: newest first.
    """
    details = JobDetails(
        summary=JobSummary(
            job_id=graph.job_id,
            name=graph.job_name,
            state=graph.status.name,
            start_time_ms=min(graph.status_timestamps.values()),
            end_time_ms=graph.status_timestamps[graph.status] if graph.status.is_terminal() else 0,
            tasks_total=sum(job_vertex.parallelism for job_vertex in graph.job_vertices.values()),
        ),
        vertices=[_vertex_details(job_vertex) for job_vertex in graph.job_vertices.values()],
        failure_history=failure_history,
        state_timestamps={status.name: at for status, at in graph.status_timestamps.items()},
        restarts=graph.restarts,
        plan_json=graph.job_graph.plan_json,
        configuration=dict(graph.job_graph.configuration),
    )
    if graph.failure is not None:
        details.failure.CopyFrom(graph.failure)
    for vertex in graph.vertices():
        details.task_counts[vertex.state.name] += 1
    return details


def _vertex_details(job_vertex: ExecutionJobVertex) -> VertexDetails:
    return VertexDetails(
        vertex_id=job_vertex.id,
        name=job_vertex.name,
        parallelism=job_vertex.parallelism,
        max_parallelism=job_vertex.max_parallelism,
        slot_sharing_group=job_vertex.slot_sharing_group,
        subtasks=[_subtask_details(vertex) for vertex in job_vertex.subtasks],
    )


def _subtask_details(vertex: ExecutionVertex) -> SubtaskDetails:
    execution = vertex.current
    details = SubtaskDetails(
        subtask_index=vertex.id.subtask_index,
        attempt_number=execution.attempt_number,
        attempt_id=execution.attempt_id,
        state=execution.state.name,
        state_timestamps={state.name: at for state, at in execution.state_timestamps.items()},
    )
    if execution.slot is not None:
        details.task_manager_id = execution.slot.task_manager.resource_id
        details.host = execution.slot.task_manager.host
    if execution.metrics is not None:
        details.metrics.CopyFrom(execution.metrics)
    if execution.failure is not None:
        details.failure.CopyFrom(execution.failure)
    return details
