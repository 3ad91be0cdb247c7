"""Savepoints, checkpoints and rescalings: begun by one request, asked for by later ones.

The Dispatcher that leads keeps them, by job and id, so that any server can be asked what became of one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum

from millstream.common.errors import JobNotFoundError, MillstreamError, OperationNotFoundError
from millstream.common.states import JobStatus
from millstream.common.wire.cluster_pb2 import AwaitOperationRequest, Empty, OperationStarted, OperationStatus
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.errors import ConflictError, NotFoundError
from millstream.dispatcher.rest.job_lookup import JobUnknownError, find_job
from millstream.dispatcher.rest.messages.operations import TriggerResponse

__all__ = ["JobOperation", "ask_running_job", "operation_status", "trigger_operation"]


class JobOperation(Enum):
    """Kinds of operations. A client's ids for different kinds have nothing to do with each other."""

    SAVEPOINT = "savepoint"
    CHECKPOINT = "checkpoint"
    RESCALING = "rescaling"

    def request_id(self, trigger_id: str) -> str:
        """Under which the Dispatcher keeps it."""
        return trigger_id if self is JobOperation.SAVEPOINT else f"{self.value}-{trigger_id}"


async def trigger_operation(
    context: RestContext,
    job_id: str,
    operation: JobOperation,
    trigger_id: str | None,
    begin: Callable[[str], Awaitable[OperationStarted]],
) -> TriggerResponse:
    """Begin an operation, unless it was begun before.

    :param trigger_id: as the client wishes it; ``None``: one is made.
    :param begin: asks the Dispatcher, with the id under which it is to be kept.
    :raises JobUnknownError: no such job.
    :raises ConflictError: the job has ended.
    """
    trigger_id = trigger_id or context.ids.hex(32)
    await ask_running_job(context, job_id, begin(operation.request_id(trigger_id)))
    return TriggerResponse(request_id=trigger_id)


async def ask_running_job(context: RestContext, job_id: str, call: Awaitable[OperationStarted | Empty]) -> None:
    """Ask the Dispatcher for something that only a job which runs can do.

    :raises JobUnknownError: no such job.
    :raises ConflictError: the job has ended.
    """
    try:
        await call
    except JobNotFoundError as error:
        raise JobUnknownError(job_id) from error
    except MillstreamError as error:
        if JobStatus[(await find_job(context, job_id)).summary.state].is_terminal():
            raise ConflictError(str(error)) from error
        raise


async def operation_status(
    context: RestContext, job_id: str, operation: JobOperation, trigger_id: str
) -> OperationStatus:
    """Return how an operation stands.

    :raises NotFoundError: there is none such (any more).
    """
    request = AwaitOperationRequest(job_id=job_id, request_id=operation.request_id(trigger_id))
    try:
        return await context.cluster.dispatcher.await_operation(request)
    except OperationNotFoundError as error:
        raise NotFoundError(
            f"There is no {operation.value} operation with triggerId={trigger_id} for job {job_id}."
        ) from error
