"""``/jobs/<id>/config``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.job_lookup import find_job, job_settings
from millstream.dispatcher.rest.messages.job_config import JobConfigInfo
from millstream.dispatcher.rest.parameters import JobIdPath
from millstream.dispatcher.rest.payloads.job_config import job_config
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """The route of a job's settings."""
    router = APIRouter(tags=["jobs"])

    @router.get("/jobs/{jobid}/config", response_model=JobConfigInfo)
    async def get_job_config(job_id: JobIdPath) -> Response:
        """The settings of a job's program."""
        details = await find_job(context, job_id)
        return json_response(job_config(details, job_settings(context, details)))

    return router
