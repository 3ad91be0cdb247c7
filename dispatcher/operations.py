"""Savepoints, checkpoints and rescalings that somebody asked for: they are started, and awaited later by their id.

A request that comes again under its id is the same one. What became of it can be asked for a while after its end,
also when its job has ended meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from millstream.common.clock import Clock
from millstream.common.config import RestOptions
from millstream.common.errors import MillstreamError, OperationNotFoundError
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.ids import IdFactory, JobID
from millstream.common.wire.cluster_pb2 import OperationStatus

__all__ = ["Operations"]


@dataclass(slots=True)
class _Operation:
    task: asyncio.Task[OperationStatus]
    ended_ms: int | None = None


class Operations:
    """The operations of all jobs.

    :param store_duration: how long the result of one is kept (``rest.async.store-duration``).
    """

    def __init__(self, clock: Clock, ids: IdFactory, store_duration: timedelta) -> None:
        self._clock = clock
        self._ids = ids
        self._store_duration_ms = int(store_duration.total_seconds() * 1000)
        self._operations: dict[tuple[JobID, str], _Operation] = {}
        self._abandoned: str | None = None

    def find(self, job_id: JobID, request_id: str) -> bool:
        """Whether a request with this id was made before."""
        self._expire()
        return (job_id, request_id) in self._operations

    def start(self, job_id: JobID, request_id: str, work: Callable[[], Coroutine[Any, Any, OperationStatus]]) -> str:
        """Begin an operation, unless it was begun before, and return its id.

        :param request_id: empty: one is made.
        """
        self._expire()
        request_id = request_id or self._ids.hex(32)
        key = job_id, request_id
        if key not in self._operations:
            task = asyncio.get_running_loop().create_task(_settled(work), name=f"operation {request_id} of {job_id}")
            operation = self._operations[key] = _Operation(task)
            task.add_done_callback(lambda _: self._ended(operation))
        return request_id

    async def wait(self, job_id: JobID, request_id: str, seconds: float) -> OperationStatus:
        """Return what became of an operation, or after the time that it is not completed yet.

        :raises LeadershipLostError: the master does not lead any more, and nobody knows what becomes of it.
        :raises OperationNotFoundError: there is none such (any more).
        """
        self._expire()
        operation = self._operations.get((job_id, request_id))
        if operation is None:
            raise OperationNotFoundError(
                f"Job {job_id} has no operation {request_id}: it was never triggered in this cluster, or it ended more "
                f"than {self._store_duration_ms / 1000:g} s ago ({RestOptions.ASYNC_STORE_DURATION.key})."
            )
        if not operation.task.done() and seconds > 0:
            await asyncio.wait({operation.task}, timeout=seconds)
        if not operation.task.done():
            return OperationStatus()
        if operation.task.cancelled():
            if self._abandoned is not None:
                raise LeadershipLostError(
                    f"Nobody knows what became of operation {request_id} of job {job_id}: {self._abandoned}. Ask the "
                    "next leader for the job's savepoints and checkpoints, and trigger it again if it is not there."
                )
            return _failed("the cluster was shut down")
        return operation.task.result()

    def abandon(self, reason: str) -> None:
        """The master does not lead any more: whoever waits is told so, at once."""
        self._abandoned = reason
        for operation in self._operations.values():
            operation.task.cancel()

    async def close(self) -> None:
        """Wait for nothing any more."""
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


async def _settled(work: Callable[[], Coroutine[Any, Any, OperationStatus]]) -> OperationStatus:
    try:
        return await work()
    except MillstreamError as error:
        return _failed(str(error), type(error).__name__)


def _failed(message: str, exception_type: str = "MillstreamError") -> OperationStatus:
    return OperationStatus(completed=True, failure=engine_failure(ENGINE, message, exception_type=exception_type))
