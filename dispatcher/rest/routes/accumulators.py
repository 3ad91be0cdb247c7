"""``.../accumulators`` of a job, a vertex, its subtasks, and their attempts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.job_lookup import attempt_of, find_job, subtask_of, vertex_of
from millstream.dispatcher.rest.messages.accumulators import (
    JobAccumulatorsInfo,
    SubtaskAttemptAccumulatorsInfo,
    SubtasksAccumulatorsInfo,
    VertexAccumulatorsInfo,
)
from millstream.dispatcher.rest.parameters import AttemptPath, JobIdPath, SubtaskPath, VertexIdPath
from millstream.dispatcher.rest.payloads.accumulators import (
    attempt_accumulators,
    job_accumulators,
    subtasks_accumulators,
    vertex_accumulators,
)
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]

_WithSerialized = Annotated[
    bool, Query(alias="includeSerializedValue", description="Whether the values come in base 64 too.")
]


def make_router(context: RestContext) -> APIRouter:
    """The routes of accumulators."""
    router = APIRouter(tags=["accumulators"])

    @router.get("/jobs/{jobid}/accumulators", response_model=JobAccumulatorsInfo)
    async def get_job_accumulators(job_id: JobIdPath, with_serialized: _WithSerialized = False) -> Response:
        """What the functions of a job have counted."""
        return json_response(job_accumulators(await find_job(context, job_id), with_serialized=with_serialized))

    @router.get("/jobs/{jobid}/vertices/{vertexid}/accumulators", response_model=VertexAccumulatorsInfo)
    async def get_job_vertex_accumulators(job_id: JobIdPath, vertex_id: VertexIdPath) -> Response:
        """What the functions of a vertex have counted."""
        return json_response(vertex_accumulators(vertex_of(await find_job(context, job_id), vertex_id)))

    @router.get("/jobs/{jobid}/vertices/{vertexid}/subtasks/accumulators", response_model=SubtasksAccumulatorsInfo)
    async def get_subtasks_all_accumulators(job_id: JobIdPath, vertex_id: VertexIdPath) -> Response:
        """What each subtask of a vertex has counted."""
        return json_response(subtasks_accumulators(vertex_of(await find_job(context, job_id), vertex_id)))

    @router.get(
        "/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}/attempts/{attempt}/accumulators",
        response_model=SubtaskAttemptAccumulatorsInfo,
    )
    async def get_subtask_execution_attempt_accumulators(
        job_id: JobIdPath, vertex_id: VertexIdPath, subtask: SubtaskPath, attempt: AttemptPath
    ) -> Response:
        """What one attempt of a subtask has counted."""
        vertex = vertex_of(await find_job(context, job_id), vertex_id)
        return json_response(attempt_accumulators(attempt_of(subtask_of(vertex, subtask), attempt)))

    return router
