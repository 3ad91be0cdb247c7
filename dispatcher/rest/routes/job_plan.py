"""``/jobs/<id>/plan``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.job_lookup import find_job
from millstream.dispatcher.rest.messages.job_plan import JobPlanInfo
from millstream.dispatcher.rest.parameters import JobIdPath
from millstream.dispatcher.rest.payloads.job_plan import job_plan
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """The route of a job's plan."""
    router = APIRouter(tags=["jobs"])

    @router.get("/jobs/{jobid}/plan", response_model=JobPlanInfo)
    async def get_job_plan(job_id: JobIdPath) -> Response:
        """The graph of a job, for drawing."""
        return json_response(JobPlanInfo(plan=job_plan(await find_job(context, job_id))))

    return router
