"""Makes the reports on a job that clients see."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol

from millstream.common.config import Configuration, ExecutionOptions, PipelineOptions, RpcOptions
from millstream.common.states import JobStatus
from millstream.common.wire.cluster_pb2 import (
    AccumulatorValue,
    ExceptionHistoryEntry,
    JobDetails,
    JobSummary,
    SubtaskDetails,
    VertexDetails,
    VertexParallelism,
)
from millstream.jobmanager.execution_graph.accumulators import AccumulatorBudget, merged_accumulators
from millstream.jobmanager.execution_graph.execution import Execution
from millstream.jobmanager.execution_graph.execution_graph import ExecutionGraph
from millstream.jobmanager.execution_graph.execution_job_vertex import ExecutionJobVertex
from millstream.jobmanager.execution_graph.execution_vertex import ExecutionVertex
from millstream.jobmanager.execution_graph.job_plan import plan_nodes

__all__ = ["Failures", "build_job_details", "build_job_summary"]

_ACCUMULATORS_SHARE = 4
"""Of the largest message, as a divisor: what accumulators may take of a report."""


class Failures(Protocol):
    """The failures of a job so far."""

    @property
    def truncated(self) -> bool:
        """There were earlier ones than those that are kept."""
        ...

    def entries(self) -> Iterator[ExceptionHistoryEntry]:
        """Those that are kept, the newest first."""
        ...


def build_job_summary(graph: ExecutionGraph) -> JobSummary:
    """Return the job as it stands, in one line. It costs the same for any number of tasks."""
    times = graph.times
    return JobSummary(
        job_id=graph.job_id,
        name=graph.job_name,
        state=graph.status.name,
        start_time_ms=times.began_ms,
        end_time_ms=times.last_change_ms if graph.status.is_terminal() else 0,
        tasks_total=graph.task_states.total,
        task_counts=_task_counts(graph),
        last_modification_ms=max(times.last_change_ms, graph.task_states.last_change_ms),
    )


def build_job_details(
    graph: ExecutionGraph, failures: Failures, settings: Configuration, restart_strategy: str
) -> JobDetails:
    """Return the job as it stands.

    :param settings: of the job, over those of the cluster.
    :param restart_strategy: in words.
    """
    entries = list(failures.entries())
    budget = AccumulatorBudget(settings.get(RpcOptions.FRAMESIZE) // _ACCUMULATORS_SHARE)
    # What the whole job has counted comes first, and the attempts of each task after it.
    accumulators = [budget.take(value) for value in merged_accumulators(_accumulators(graph))]
    details = JobDetails(
        summary=build_job_summary(graph),
        vertices=[_vertex_details(graph, job_vertex, budget) for job_vertex in graph.job_vertices.values()],
        failure_history=[entry.root_cause for entry in entries],
        exception_history=entries,
        exception_history_truncated=failures.truncated,
        state_timestamps=graph.times.by_name(),
        task_counts=_task_counts(graph),
        restarts=graph.restarts,
        plan_json=graph.job_graph.plan_json,
        plan=plan_nodes(graph.job_graph),
        configuration=dict(graph.job_graph.configuration),
        max_parallelism=max(0, settings.get(PipelineOptions.MAX_PARALLELISM)),
        job_type="BATCH" if settings.get(ExecutionOptions.RUNTIME_MODE) == "BATCH" else "STREAMING",
        stoppable=graph.status is JobStatus.RUNNING,
        restart_strategy=restart_strategy,
        accumulators=accumulators,
    )
    if graph.failure is not None:
        details.failure.CopyFrom(graph.failure)
    return details


def _task_counts(graph: ExecutionGraph) -> dict[str, int]:
    return {state.name: count for state, count in graph.task_states.counts().items()}


def _accumulators(graph: ExecutionGraph) -> Iterator[AccumulatorValue]:
    for vertex in graph.vertices():
        if vertex.current.metrics is not None:
            yield from vertex.current.metrics.accumulators


def _vertex_details(graph: ExecutionGraph, job_vertex: ExecutionJobVertex, budget: AccumulatorBudget) -> VertexDetails:
    asked = job_vertex.job_vertex
    return VertexDetails(
        vertex_id=job_vertex.id,
        name=job_vertex.name,
        parallelism=job_vertex.parallelism,
        max_parallelism=job_vertex.max_parallelism,
        slot_sharing_group=job_vertex.slot_sharing_group,
        slot_sharing_group_id=_group_id(graph, job_vertex.slot_sharing_group),
        subtasks=[_subtask_details(vertex, budget) for vertex in job_vertex.subtasks],
        bounds=VertexParallelism(
            lower_bound=asked.lower_bound or 1, upper_bound=asked.upper_bound or job_vertex.parallelism
        ),
    )


def _group_id(graph: ExecutionGraph, name: str) -> str:
    """An id of the group that is the same under every leader."""
    return hashlib.sha256(f"{graph.job_id}/{name}".encode()).hexdigest()[:32]


def _subtask_details(vertex: ExecutionVertex, budget: AccumulatorBudget) -> SubtaskDetails:
    details = _attempt_details(vertex, vertex.current, budget)
    for execution in reversed(list(vertex.history)):
        earlier = details.earlier_attempts.add()
        earlier.CopyFrom(_attempt_details(vertex, execution, budget))
        for value in earlier.accumulators:
            value.ClearField("pickled")  # they count for nothing any more, and are only looked at
        if execution.failure is not None:
            # The history of failures has the tracebacks; here there might be more of them than fit into one answer.
            earlier.failure.ClearField("full_traceback")
            earlier.failure.ClearField("user_traceback")
    return details


def _attempt_details(vertex: ExecutionVertex, execution: Execution, budget: AccumulatorBudget) -> SubtaskDetails:
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
        details.data_port = execution.slot.data_port
    if execution.metrics is not None:
        details.metrics.CopyFrom(execution.metrics)
        details.metrics.ClearField("accumulators")
        details.accumulators.extend(budget.take(value) for value in execution.metrics.accumulators)
    if execution.failure is not None:
        details.failure.CopyFrom(execution.failure)
    return details
