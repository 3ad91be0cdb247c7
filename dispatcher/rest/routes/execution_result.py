"""``/jobs/<id>/execution-result``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.job_lookup import find_job
from millstream.dispatcher.rest.messages.execution_result import JobExecutionResultResponse
from millstream.dispatcher.rest.parameters import JobIdPath
from millstream.dispatcher.rest.payloads.execution_result import execution_result
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """The route of a job's result."""
    router = APIRouter(tags=["jobs"])

    @router.get("/jobs/{jobid}/execution-result", response_model=JobExecutionResultResponse)
    async def get_job_execution_result(job_id: JobIdPath) -> Response:
        """Whether a job has ended, and if so, how."""
        return json_response(execution_result(await find_job(context, job_id)))

    return router
