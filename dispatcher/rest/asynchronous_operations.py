"""Operations that take their time: a request starts one and gets its id, later requests ask what became of it.

A request that comes again under its id is the same one. The result of an operation can be asked for
``rest.async.store-duration`` after its end; its failure is a result too. For operations of this server's own: what a
job does is kept by the Dispatcher that leads.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from millstream.common.clock import Clock
from millstream.common.errors import MillstreamError
from millstream.common.ids import IdFactory
from millstream.dispatcher.kept_operations import KeptOperations
from millstream.dispatcher.rest.messages.operations import (
    COMPLETED,
    IN_PROGRESS,
    FailureCause,
    OperationFailure,
    OperationResult,
)

__all__ = ["AsynchronousOperations"]


class AsynchronousOperations:
    """The operations of one server.

    :param store_duration: how long the result of one is kept after its end.
    """

    def __init__(self, clock: Clock, ids: IdFactory, store_duration: timedelta) -> None:
        self._ids = ids
        self._operations: KeptOperations[tuple[str, str], BaseModel] = KeptOperations(clock, store_duration)

    def trigger(
        self, kind: str, work: Callable[[], Coroutine[Any, Any, BaseModel]], trigger_id: str | None = None
    ) -> str:
        """Begin an operation, unless it was begun before, and return its id.

        :param kind: what operations it is one of; ids of different kinds have nothing to do with each other.
        :param work: does it, and returns the ``operation`` of the answer.
        :param trigger_id: as the client wishes it; ``None``: one is made.
        """
        trigger_id = trigger_id or self._ids.hex()
        self._operations.begin((kind, trigger_id), work, f"{kind} {trigger_id}")
        return trigger_id

    def poll(self, kind: str, trigger_id: str) -> OperationResult | None:
        """Return how an operation stands; ``None``: there is none such (any more)."""
        task = self._operations.find((kind, trigger_id))
        if task is None:
            return None
        if not task.done():
            return IN_PROGRESS
        if task.cancelled():
            return OperationResult(
                status=COMPLETED, operation=_failure("CancellationError", "The operation was cancelled.")
            )
        error = task.exception()
        if error is None:
            return OperationResult(status=COMPLETED, operation=task.result())
        text = str(error) if isinstance(error, MillstreamError) else "".join(traceback.format_exception(error))
        return OperationResult(status=COMPLETED, operation=_failure(type(error).__name__, text))

    async def close(self) -> None:
        """Break off what is under way."""
        await self._operations.close()


def _failure(exception_type: str, text: str) -> OperationFailure:
    return OperationFailure(failure_cause=FailureCause(exception_class=exception_type, stack_trace=text))
