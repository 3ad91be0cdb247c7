"""``/jobs/<id>/checkpoints``: those that somebody asks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from millstream.common.wire.cluster_pb2 import OperationStarted, TriggerCheckpointRequest
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.job_operations import JobOperation, operation_status, trigger_operation
from millstream.dispatcher.rest.messages.checkpoint_trigger import CheckpointTriggerRequest
from millstream.dispatcher.rest.messages.operations import OperationResult, TriggerResponse
from millstream.dispatcher.rest.parameters import JobIdPath, TriggerIdPath
from millstream.dispatcher.rest.payloads.job_operations import checkpoint_result
from millstream.dispatcher.rest.responses import json_response

__all__ = ["make_router"]


def make_router(context: RestContext) -> APIRouter:
    """Taking a checkpoint out of turn."""
    router = APIRouter(tags=["checkpoints"])

    @router.post("/jobs/{jobid}/checkpoints", status_code=202, response_model=TriggerResponse)
    async def trigger_checkpoint(
        job_id: JobIdPath, body: Annotated[CheckpointTriggerRequest | None, Body()] = None
    ) -> Response:
        """Begin a checkpoint."""
        wish = body or CheckpointTriggerRequest()

        async def begin(request_id: str) -> OperationStarted:
            request = TriggerCheckpointRequest(
                job_id=job_id, full=wish.checkpoint_type == "FULL", request_id=request_id
            )
            return await context.cluster.dispatcher.trigger_checkpoint(request)

        return json_response(
            await trigger_operation(context, job_id, JobOperation.CHECKPOINT, wish.trigger_id, begin), 202
        )

    @router.get("/jobs/{jobid}/checkpoints/{triggerid}", response_model=OperationResult)
    async def get_checkpoint_trigger_status(job_id: JobIdPath, trigger_id: TriggerIdPath) -> Response:
        """How a checkpoint stands that was asked for."""
        status = await operation_status(context, job_id, JobOperation.CHECKPOINT, trigger_id)
        return json_response(checkpoint_result(status))

    return router
