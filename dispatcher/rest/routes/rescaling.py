"""``/jobs/<id>/rescaling`` and ``/jobs/<id>/resource-requirements``."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from millstream.common.config import WebOptions
from millstream.common.wire.cluster_pb2 import OperationStarted, RescaleJobRequest
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import BadRequestError, ForbiddenError
from millstream.dispatcher.rest.job_lookup import find_job
from millstream.dispatcher.rest.job_operations import (
    JobOperation,
    ask_running_job,
    operation_status,
    trigger_operation,
)
from millstream.dispatcher.rest.messages.base import EmptyMessage
from millstream.dispatcher.rest.messages.operations import OperationResult, TriggerResponse
from millstream.dispatcher.rest.messages.resource_requirements import JobResourceRequirements
from millstream.dispatcher.rest.parameters import JobIdPath, TriggerIdPath
from millstream.dispatcher.rest.payloads.job_operations import rescaling_result
from millstream.dispatcher.rest.payloads.resource_requirements import (
    problems_with,
    resource_requirements,
    update_request,
)
from millstream.dispatcher.rest.responses import empty_response, json_response

__all__ = ["make_router"]

_GREATEST: Final = 32768

ParallelismQuery = Annotated[int, Query(ge=1, le=_GREATEST, description="Of all vertices that are not bound to one.")]


def make_router(context: RestContext) -> APIRouter:
    """Changing the parallelism of a job that runs."""
    router = APIRouter(tags=["rescaling"])
    enabled = context.configuration.get(WebOptions.RESCALE_ENABLE)

    @router.patch("/jobs/{jobid}/rescaling", response_model=TriggerResponse)
    async def trigger_rescaling(job_id: JobIdPath, parallelism: ParallelismQuery) -> Response:
        """Begin to let a job go on at another parallelism."""
        check_enabled()

        async def begin(request_id: str) -> OperationStarted:
            request = RescaleJobRequest(job_id=job_id, parallelism=parallelism, request_id=request_id)
            return await context.cluster.dispatcher.rescale_job(request)

        return json_response(await trigger_operation(context, job_id, JobOperation.RESCALING, None, begin))

    @router.get("/jobs/{jobid}/rescaling/{triggerid}", response_model=OperationResult)
    async def get_rescaling_status(job_id: JobIdPath, trigger_id: TriggerIdPath) -> Response:
        """How a change of the parallelism stands."""
        return json_response(
            rescaling_result(await operation_status(context, job_id, JobOperation.RESCALING, trigger_id))
        )

    @router.get("/jobs/{jobid}/resource-requirements", response_model=JobResourceRequirements)
    async def get_job_resource_requirements(job_id: JobIdPath) -> Response:
        """Within which bounds the parallelism of a job's vertices may be."""
        return json_response(resource_requirements(await find_job(context, job_id)))

    @router.put("/jobs/{jobid}/resource-requirements", response_model=EmptyMessage)
    async def update_job_resource_requirements(job_id: JobIdPath, body: JobResourceRequirements) -> Response:
        """Let a job go on within other bounds. All of its vertices must be named."""
        check_enabled()
        if not body.root:
            raise BadRequestError("Request body does not specify resource requirements.")
        problems = problems_with(body, await find_job(context, job_id))
        if problems:
            raise BadRequestError(" ".join(problems))
        request = update_request(job_id, body)
        await ask_running_job(context, job_id, context.cluster.dispatcher.update_resource_requirements(request))
        return empty_response()

    def check_enabled() -> None:
        if not enabled:
            raise ForbiddenError(f"Jobs cannot be rescaled here: {WebOptions.RESCALE_ENABLE.key} is false.")

    return router
