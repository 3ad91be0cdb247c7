"""``/jobs/<id>/savepoints``, ``/jobs/<id>/stop``, ``/savepoint-disposal``."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body, Response

from millstream.common.config import CheckpointingOptions, WebOptions
from millstream.common.wire.cluster_pb2 import DisposeSavepointRequest, OperationStarted, TriggerSavepointRequest
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import BadRequestError, ForbiddenError, NotFoundError
from millstream.dispatcher.rest.job_lookup import find_job, job_settings
from millstream.dispatcher.rest.job_operations import JobOperation, operation_status, trigger_operation
from millstream.dispatcher.rest.messages.base import EmptyMessage
from millstream.dispatcher.rest.messages.operations import OperationResult, TriggerResponse
from millstream.dispatcher.rest.messages.savepoints import (
    SavepointDisposalRequest,
    SavepointTriggerRequest,
    StopWithSavepointRequest,
)
from millstream.dispatcher.rest.parameters import JobIdPath, TriggerIdPath
from millstream.dispatcher.rest.payloads.job_operations import savepoint_result
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]

_DISPOSAL: Final = "savepoint-disposal"


def make_router(context: RestContext) -> APIRouter:
    """Taking savepoints, stopping with one, deleting them."""
    router = APIRouter(tags=["savepoints"])
    cancel_enabled = context.configuration.get(WebOptions.CANCEL_ENABLE)

    @router.post("/jobs/{jobid}/savepoints", status_code=202, response_model=TriggerResponse)
    async def trigger_savepoint(
        job_id: JobIdPath, body: Annotated[SavepointTriggerRequest | None, Body()] = None
    ) -> Response:
        """Begin a savepoint, after which the job is cancelled if that is wished."""
        wish = body or SavepointTriggerRequest()
        if wish.cancel_job and not cancel_enabled:
            raise ForbiddenError(f"Jobs cannot be cancelled here: {WebOptions.CANCEL_ENABLE.key} is false.")
        mode = "CANCEL" if wish.cancel_job else "SAVEPOINT"
        return await trigger(job_id, mode, wish.target_directory, wish.format_type, wish.trigger_id)

    @router.get("/jobs/{jobid}/savepoints/{triggerid}", response_model=OperationResult)
    async def get_savepoint_status(job_id: JobIdPath, trigger_id: TriggerIdPath) -> Response:
        """How a savepoint stands, also one that stops the job."""
        status = await operation_status(context, job_id, JobOperation.SAVEPOINT, trigger_id)
        return json_response(savepoint_result(status))

    @router.post("/jobs/{jobid}/stop", status_code=202, response_model=TriggerResponse)
    async def trigger_stop_with_savepoint(
        job_id: JobIdPath, body: Annotated[StopWithSavepointRequest | None, Body()] = None
    ) -> Response:
        """Begin to stop a job with a savepoint. How that stands is asked as of any other savepoint."""
        wish = body or StopWithSavepointRequest()
        mode = "DRAIN" if wish.drain else "STOP"
        return await trigger(job_id, mode, wish.target_directory, wish.format_type, wish.trigger_id)

    @router.post("/savepoint-disposal", response_model=TriggerResponse)
    async def trigger_savepoint_disposal(body: SavepointDisposalRequest) -> Response:
        """Begin to delete a savepoint."""

        async def dispose() -> EmptyMessage:
            await context.cluster.dispatcher.dispose_savepoint(DisposeSavepointRequest(path=body.savepoint_path))
            return EmptyMessage()

        return json_response(TriggerResponse(request_id=context.operations.trigger(_DISPOSAL, dispose)))

    @router.get("/savepoint-disposal/{triggerid}", response_model=OperationResult)
    async def get_savepoint_disposal_status(trigger_id: TriggerIdPath) -> Response:
        """How the deletion of a savepoint stands."""
        result = context.operations.poll(_DISPOSAL, trigger_id)
        if result is None:
            raise NotFoundError(f"There is no savepoint disposal operation with triggerId={trigger_id}.")
        return json_response(result)

    async def trigger(
        job_id: str, mode: str, directory: str | None, format_type: str | None, trigger_id: str | None
    ) -> Response:
        if not directory:
            settings = job_settings(context, await find_job(context, job_id))
            if not settings.get(CheckpointingOptions.SAVEPOINT_DIRECTORY):
                raise BadRequestError(
                    f"Config key [{CheckpointingOptions.SAVEPOINT_DIRECTORY.key}] is not set. Property "
                    "[target-directory] must be provided."
                )

        async def begin(request_id: str) -> OperationStarted:
            request = TriggerSavepointRequest(
                job_id=job_id,
                target_directory=directory or "",
                mode=mode,
                format=format_type or "",
                request_id=request_id,
            )
            return await context.cluster.dispatcher.trigger_savepoint(request)

        return json_response(await trigger_operation(context, job_id, JobOperation.SAVEPOINT, trigger_id, begin), 202)

    return router
