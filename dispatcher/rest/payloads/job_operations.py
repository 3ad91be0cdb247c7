"""What became of a savepoint, a checkpoint or a rescaling, as an answer."""

from __future__ import annotations

from millstream.common.wire.cluster_pb2 import OperationStatus
from millstream.dispatcher.rest.messages.base import EmptyMessage
from millstream.dispatcher.rest.messages.checkpoint_trigger import TriggeredCheckpointInfo
from millstream.dispatcher.rest.messages.operations import COMPLETED, IN_PROGRESS, OperationFailure, OperationResult
from millstream.dispatcher.rest.messages.savepoints import SavepointInfo
from millstream.dispatcher.rest.payloads.execution_result import failure_cause

__all__ = ["checkpoint_result", "rescaling_result", "savepoint_result"]


def savepoint_result(status: OperationStatus) -> OperationResult:
    """With the place of the savepoint."""
    return _result(status, SavepointInfo(location=status.location))


def checkpoint_result(status: OperationStatus) -> OperationResult:
    """With the number of the checkpoint."""
    return _result(status, TriggeredCheckpointInfo(checkpoint_id=status.checkpoint_id))


def rescaling_result(status: OperationStatus) -> OperationResult:
    """With nothing but whether it is done."""
    return _result(status, EmptyMessage())


def _result(
    status: OperationStatus, success: SavepointInfo | TriggeredCheckpointInfo | EmptyMessage
) -> OperationResult:
    if not status.completed:
        return IN_PROGRESS
    if status.HasField("failure"):
        return OperationResult(
            status=COMPLETED, operation=OperationFailure(failure_cause=failure_cause(status.failure))
        )
    return OperationResult(status=COMPLETED, operation=success)
