"""What the functions of a job have counted, as answers."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from millstream.common.failure import first_line
from millstream.common.wire.cluster_pb2 import AccumulatorValue, JobDetails, SubtaskDetails, VertexDetails
from millstream.dispatcher.rest.messages.accumulators import (
    JobAccumulatorsInfo,
    SubtaskAccumulatorsInfo,
    SubtaskAttemptAccumulatorsInfo,
    SubtasksAccumulatorsInfo,
    UserAccumulator,
    VertexAccumulatorsInfo,
)
from millstream.dispatcher.rest.payloads.vertices import endpoint_of, host_of
from millstream.jobmanager.execution_graph.accumulators import merged_accumulators

__all__ = [
    "attempt_accumulators",
    "job_accumulators",
    "serialized_accumulators",
    "subtasks_accumulators",
    "vertex_accumulators",
]


def job_accumulators(details: JobDetails, *, with_serialized: bool) -> JobAccumulatorsInfo:
    """Return the accumulators of a job, those of all tasks put together."""
    return JobAccumulatorsInfo(
        job_accumulators=[],
        user_task_accumulators=_shown(details.accumulators),
        serialized_user_task_accumulators=serialized_accumulators(details.accumulators) if with_serialized else {},
    )


def serialized_accumulators(values: Iterable[AccumulatorValue]) -> dict[str, str]:
    """Return the values by name in base 64: pickled, or as text where they are not kept pickled, as those that only the
    job's own program can merge. Those that could not be put together are left out.
    """
    return {
        value.name: base64.b64encode(value.pickled or value.text.encode()).decode()
        for value in values
        if not value.HasField("failure")
    }


def vertex_accumulators(vertex: VertexDetails) -> VertexAccumulatorsInfo:
    """Return the accumulators of a vertex, those of all subtasks put together."""
    values = [value for subtask in vertex.subtasks for value in subtask.accumulators]
    return VertexAccumulatorsInfo(id=vertex.vertex_id, user_accumulators=_shown(merged_accumulators(values)))


def subtasks_accumulators(vertex: VertexDetails) -> SubtasksAccumulatorsInfo:
    """Return the accumulators of each subtask of a vertex."""
    return SubtasksAccumulatorsInfo(
        id=vertex.vertex_id,
        parallelism=vertex.parallelism,
        subtasks=[
            SubtaskAccumulatorsInfo(
                subtask=subtask.subtask_index,
                attempt=subtask.attempt_number,
                host=host_of(subtask),
                endpoint=endpoint_of(subtask),
                user_accumulators=_shown(merged_accumulators(subtask.accumulators)),
            )
            for subtask in vertex.subtasks
        ],
    )


def attempt_accumulators(attempt: SubtaskDetails) -> SubtaskAttemptAccumulatorsInfo:
    """Return the accumulators of one attempt of a subtask."""
    return SubtaskAttemptAccumulatorsInfo(
        subtask=attempt.subtask_index,
        attempt=attempt.attempt_number,
        id=attempt.attempt_id,
        user_accumulators=_shown(merged_accumulators(attempt.accumulators)),
    )


def _shown(values: Iterable[AccumulatorValue]) -> list[UserAccumulator]:
    return [
        UserAccumulator(
            name=value.name,
            type=value.type,
            value=first_line(value.failure) if value.HasField("failure") else value.text,
        )
        for value in values
    ]
