"""``/jobs/<id>/checkpoints``: what is known of a job's checkpoints. They are triggered elsewhere."""

from __future__ import annotations

from fastapi import APIRouter, Response

from millstream.common.errors import ConfigurationError
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import NotFoundError
from millstream.dispatcher.rest.job_lookup import checkpoint_of, find_job, find_job_checkpoints, job_settings
from millstream.dispatcher.rest.messages.checkpoint_config import CheckpointConfigInfo
from millstream.dispatcher.rest.messages.checkpoint_subtasks import TaskCheckpointDetailsInfo
from millstream.dispatcher.rest.messages.checkpoints import AnyCheckpointInfo, CheckpointsInfo
from millstream.dispatcher.rest.parameters import CheckpointIdPath, JobIdPath, VertexIdPath
from millstream.dispatcher.rest.payloads.checkpoint_config import checkpoint_config
from millstream.dispatcher.rest.payloads.checkpoint_subtasks import checkpoint_subtasks
from millstream.dispatcher.rest.payloads.checkpoints import checkpoint_details, checkpoints_overview
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """The routes of checkpoints that are known already."""
    router = APIRouter(tags=["checkpoints"])

    @router.get("/jobs/{jobid}/checkpoints", response_model=CheckpointsInfo)
    async def get_checkpointing_statistics(job_id: JobIdPath) -> Response:
        """All about a job's checkpoints."""
        details, checkpoints = await _job_and_checkpoints(context, job_id)
        if details.job_type == "BATCH" and not checkpoints.enabled:
            raise NotFoundError(f"Checkpointing was not enabled for job {job_id}.")
        return json_response(checkpoints_overview(checkpoints))

    @router.get("/jobs/{jobid}/checkpoints/config", response_model=CheckpointConfigInfo)
    async def get_checkpoint_config(job_id: JobIdPath) -> Response:
        """The settings of a job's checkpoints."""
        details = await find_job(context, job_id)
        try:
            answer = checkpoint_config(job_settings(context, details))
        except ConfigurationError as error:  # then the job has failed, and its failure says more
            raise NotFoundError(f"Checkpointing was not enabled for job {job_id}: {error}") from error
        if details.job_type == "BATCH" and not (await find_job_checkpoints(context, job_id)).enabled:
            raise NotFoundError(f"Checkpointing was not enabled for job {job_id}.")
        return json_response(answer)

    @router.get("/jobs/{jobid}/checkpoints/details/{checkpointid}", response_model=AnyCheckpointInfo)
    async def get_checkpoint_statistic_details(job_id: JobIdPath, checkpoint_id: CheckpointIdPath) -> Response:
        """A checkpoint, with what it has of each vertex."""
        details, checkpoints = await _job_and_checkpoints(context, job_id)
        return json_response(checkpoint_details(checkpoint_of(checkpoints, checkpoint_id), details.vertices))

    @router.get(
        "/jobs/{jobid}/checkpoints/details/{checkpointid}/subtasks/{vertexid}",
        response_model=TaskCheckpointDetailsInfo,
    )
    async def get_task_checkpoint_statistics(
        job_id: JobIdPath, checkpoint_id: CheckpointIdPath, vertex_id: VertexIdPath
    ) -> Response:
        """What a checkpoint has of each subtask of a vertex."""
        details, checkpoints = await _job_and_checkpoints(context, job_id)
        checkpoint = checkpoint_of(checkpoints, checkpoint_id)
        for vertex in details.vertices:
            if vertex.vertex_id == vertex_id:
                return json_response(checkpoint_subtasks(checkpoint, vertex_id, vertex.parallelism))
        raise NotFoundError(f"There is no checkpoint statistics for task {vertex_id}.")

    return router


async def _job_and_checkpoints(context: RestContext, job_id: str) -> tuple[JobDetails, JobCheckpoints]:
    return await find_job(context, job_id), await find_job_checkpoints(context, job_id)
