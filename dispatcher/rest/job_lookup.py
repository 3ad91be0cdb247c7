"""Finds what a request names: a job, a vertex of it, a subtask, an attempt, a checkpoint.

The job is always looked up first, and what is not there is answered in the order of the path.
"""

from __future__ import annotations

from millstream.common.config import Configuration
from millstream.common.errors import JobNotFoundError
from millstream.common.wire.checkpoint_pb2 import CheckpointStatistics, JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails, JobRequest, SubtaskDetails, VertexDetails
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import NotFoundError
from millstream.dispatcher.rest.payloads.checkpoints import find_checkpoint
from millstream.dispatcher.rest.payloads.job_config import settings_of_job

__all__ = [
    "JobUnknownError",
    "attempt_of",
    "checkpoint_of",
    "find_job",
    "find_job_checkpoints",
    "job_settings",
    "subtask_of",
    "vertex_of",
]


class JobUnknownError(NotFoundError):
    """No job of this id runs, or has ended not long ago."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} not found")


async def find_job(context: RestContext, job_id: str) -> JobDetails:
    """Return what the leader knows of the job. Metrics may be as old as those that it keeps.

    :raises JobUnknownError: there is none.
    """
    try:
        return await context.cluster.dispatcher.get_job_details(JobRequest(job_id=job_id))
    except JobNotFoundError as error:
        raise JobUnknownError(job_id) from error


async def find_job_checkpoints(context: RestContext, job_id: str) -> JobCheckpoints:
    """Return what the leader knows of the job's checkpoints.

    :raises JobUnknownError: there is none.
    """
    try:
        return await context.cluster.dispatcher.get_checkpoints(JobRequest(job_id=job_id))
    except JobNotFoundError as error:
        raise JobUnknownError(job_id) from error


def job_settings(context: RestContext, details: JobDetails) -> Configuration:
    """Return the settings of a job, over those of this process."""
    return settings_of_job(context.configuration, details)


def vertex_of(details: JobDetails, vertex_id: str) -> VertexDetails:
    """Return a vertex of a job.

    :raises NotFoundError: it has none of this id.
    """
    for vertex in details.vertices:
        if vertex.vertex_id == vertex_id:
            return vertex
    raise NotFoundError(f"JobVertex {vertex_id} not found")


def subtask_of(vertex: VertexDetails, index: int) -> SubtaskDetails:
    """Return the current attempt of a subtask.

    :raises NotFoundError: the vertex has none of this index.
    """
    for subtask in vertex.subtasks:
        if subtask.subtask_index == index:
            return subtask
    raise NotFoundError(f"Invalid subtask index for vertex {vertex.vertex_id}")


def attempt_of(subtask: SubtaskDetails, number: int) -> SubtaskDetails:
    """Return an attempt of a subtask, the current one or an earlier one.

    :raises NotFoundError: it has none of this number, or that is too long ago.
    """
    for attempt in (subtask, *subtask.earlier_attempts):
        if attempt.attempt_number == number:
            return attempt
    raise NotFoundError(f"Attempt {number} not found in subtask {subtask.subtask_index}")


def checkpoint_of(checkpoints: JobCheckpoints, checkpoint_id: int) -> CheckpointStatistics:
    """Return what is known of one checkpoint.

    :raises NotFoundError: nothing is.
    """
    checkpoint = find_checkpoint(checkpoints, checkpoint_id)
    if checkpoint is None:
        raise NotFoundError(f"Could not find checkpointing statistics for checkpoint {checkpoint_id}.")
    return checkpoint
