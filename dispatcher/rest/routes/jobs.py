"""``/jobs``, ``/jobs/overview``, ``/jobs/<id>``, and what ends a job."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator

from millstream.common.errors import JobNotFoundError, MillstreamError
from millstream.common.states import JobStatus
from millstream.common.wire.cluster_pb2 import ClientHeartbeatRequest, JobRequest, ListJobsRequest
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import ConflictError, NotFoundError, RestError
from millstream.dispatcher.rest.job_lines import JobLines
from millstream.dispatcher.rest.job_lookup import JobUnknownError, find_job
from millstream.dispatcher.rest.messages.base import EmptyMessage
from millstream.dispatcher.rest.messages.client_heartbeat import ClientHeartbeatBody
from millstream.dispatcher.rest.messages.errors import ErrorBody
from millstream.dispatcher.rest.messages.jobs import (
    JobDetailsInfo,
    JobIdsWithStatusOverview,
    JobsOverview,
    JobStatusInfo,
)
from millstream.dispatcher.rest.parameters import LONG_MAX, JobIdPath
from millstream.dispatcher.rest.payloads.jobs import job_details, job_ids, job_status
from millstream.dispatcher.rest.responses import JsonResponse, empty_response, json_response

__all__ = ["make_router"]


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


_TerminationMode = Annotated[
    Literal["cancel", "stop"],
    BeforeValidator(_lower),
    Query(description="`cancel`; `stop` is not there any more, a job is stopped by `/jobs/{jobid}/stop`."),
]

_TERMINATION_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    308: {"model": ErrorBody, "description": "Jobs are not stopped here any more."},
    409: {"model": ErrorBody, "description": "The job has ended otherwise."},
}


def make_router(context: RestContext) -> APIRouter:
    """The routes of jobs as a whole."""
    router = APIRouter(tags=["jobs"])
    lines = JobLines()

    @router.get("/jobs", response_model=JobIdsWithStatusOverview)
    async def get_job_ids_with_statuses_overview() -> Response:
        """The ids of all jobs that run or have ended not long ago, with their states."""
        answer = await context.cluster.dispatcher.list_jobs(ListJobsRequest())
        return json_response(job_ids(answer.jobs))

    @router.get("/jobs/overview", response_model=JobsOverview)
    async def get_jobs_overview() -> Response:
        """All jobs that run or have ended not long ago, in a line each."""
        answer = await context.cluster.dispatcher.list_jobs(ListJobsRequest())
        return JsonResponse(lines.overview(answer.jobs, context.clock.now_ms()))

    @router.get("/jobs/{jobid}", response_model=JobDetailsInfo)
    async def get_job_details(job_id: JobIdPath) -> Response:
        """A job with its vertices and its plan."""
        return json_response(job_details(await find_job(context, job_id), context.clock.now_ms()))

    @router.get("/jobs/{jobid}/status", response_model=JobStatusInfo)
    async def get_job_status_info(job_id: JobIdPath) -> Response:
        """The state of a job."""
        return json_response(job_status(await find_job(context, job_id)))

    @router.patch("/jobs/{jobid}", status_code=202, response_model=EmptyMessage, responses=_TERMINATION_ERRORS)
    async def cancel_job(job_id: JobIdPath, mode: _TerminationMode = "cancel") -> Response:
        """Cancel a job. The answer comes when that has begun."""
        return await _terminate(context, job_id, mode)

    @router.get(
        "/jobs/{jobid}/yarn-cancel", status_code=202, response_model=EmptyMessage, responses=_TERMINATION_ERRORS
    )
    async def cancel_job_by_get(job_id: JobIdPath) -> Response:
        """Cancel a job, for interfaces behind a proxy that lets nothing but GET through."""
        return await _terminate(context, job_id, "cancel")

    @router.get("/jobs/{jobid}/yarn-stop", include_in_schema=False)
    async def stop_job_by_get(job_id: JobIdPath) -> Response:
        """What was there once."""
        return await _terminate(context, job_id, "stop")

    @router.patch("/jobs/{jobid}/clientHeartbeat", status_code=202, response_model=EmptyMessage)
    async def trigger_heartbeat(job_id: JobIdPath, body: ClientHeartbeatBody) -> Response:
        """Say that the client which is attached to the job lives."""
        request = ClientHeartbeatRequest(job_id=job_id, expires_at_ms=min(body.expired_timestamp, LONG_MAX))
        try:
            await context.cluster.dispatcher.report_client_heartbeat(request)
        except JobNotFoundError as error:
            raise JobUnknownError(job_id) from error
        return empty_response(202)

    return router


async def _terminate(context: RestContext, job_id: str, mode: Literal["cancel", "stop"]) -> Response:
    if mode == "stop":
        raise RestError(
            'The termination mode "stop" has been removed. For an ungraceful shutdown, please use "cancel" instead. '
            'For a graceful shutdown, please use "jobs/:jobId/stop" instead.',
            308,
        )
    dispatcher = context.cluster.dispatcher
    try:
        await dispatcher.cancel_job(JobRequest(job_id=job_id))
    except JobNotFoundError as error:
        raise NotFoundError("Job could not be found.") from error
    except MillstreamError as error:
        state = (await find_job(context, job_id)).summary.state
        if not JobStatus[state].is_terminal():
            raise
        raise ConflictError(
            f"Job cancellation failed because the job has already reached another terminal state ({state})."
        ) from error
    return empty_response(202)
