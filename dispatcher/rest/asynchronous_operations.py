"""Operations that take their time: a request starts one and gets its id, later requests ask what became of it.

A request that comes again under its id is the same one. The result of an operation can be asked for
``rest.async.store-duration`` after its end; its failure is a result too. For operations of this server's own: what a
job does is kept by the Dispatcher that leads.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from millstream.common.clock import Clock
from millstream.common.errors import MillstreamError
from millstream.common.ids import IdFactory
from millstream.dispatcher.rest.messages.operations import (
    COMPLETED,
    IN_PROGRESS,
    FailureCause,
    OperationFailure,
    OperationResult,
)

__all__ = ["AsynchronousOperations"]

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Operation:
    task: asyncio.Task[BaseModel]
    ended_ms: int | None = None


class AsynchronousOperations:
    """The operations of one server.

    :param store_duration: how long the result of one is kept after its end.
    """

    def __init__(self, clock: Clock, ids: IdFactory, store_duration: timedelta) -> None:
        self._clock = clock
        self._ids = ids
        self._store_duration_ms = int(store_duration.total_seconds() * 1000)
        self._operations: dict[tuple[str, str], _Operation] = {}

    def trigger(
        self, kind: str, work: Callable[[], Coroutine[Any, Any, BaseModel]], trigger_id: str | None = None
    ) -> str:
        """Begin an operation, unless it was begun before, and return its id.

        :param kind: what operations it is one of; ids of different kinds have nothing to do with each other.
        :param work: does it, and returns the ``operation`` of the answer.
        :param trigger_id: as the client wishes it; ``None``: one is made.
        """
        self._expire()
        trigger_id = trigger_id or self._ids.hex()
        key = kind, trigger_id
        if key not in self._operations:
            task = asyncio.get_running_loop().create_task(work(), name=f"{kind} {trigger_id}")
            operation = self._operations[key] = _Operation(task)
            task.add_done_callback(lambda _: self._ended(operation))
        return trigger_id

    def poll(self, kind: str, trigger_id: str) -> OperationResult | None:
        """Return how an operation stands; ``None``: there is none such (any more)."""
        self._expire()
        operation = self._operations.get((kind, trigger_id))
        if operation is None:
            return None
        if not operation.task.done():
            return IN_PROGRESS
        if operation.task.cancelled():
            return OperationResult(
                status=COMPLETED, operation=_failure("CancellationError", "The operation was cancelled.")
            )
        error = operation.task.exception()
        if error is None:
            return OperationResult(status=COMPLETED, operation=operation.task.result())
        text = str(error) if isinstance(error, MillstreamError) else "".join(traceback.format_exception(error))
        return OperationResult(status=COMPLETED, operation=_failure(type(error).__name__, text))

    async def close(self) -> None:
        """Break off what is under way."""
        tasks = [operation.task for operation in self._operations.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._operations.clear()

    def _ended(self, operation: _Operation) -> None:
        operation.ended_ms = self._clock.now_ms()

    def _expire(self) -> None:
        oldest_kept = self._clock.now_ms() - self._store_duration_ms
        for key, operation in list(self._operations.items()):
            if operation.ended_ms is not None and operation.ended_ms < oldest_kept:
                del self._operations[key]


def _failure(exception_type: str, text: str) -> OperationFailure:
    return OperationFailure(failure_cause=FailureCause(exception_class=exception_type, stack_trace=text))
