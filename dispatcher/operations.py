"""Savepoints, checkpoints and rescalings that somebody asked for: they are started, and awaited later by their id.

A request that comes again under its id is the same one. What became of it can be asked for a while after its end,
also when its job has ended meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from millstream.common.clock import Clock
from millstream.common.config import RestOptions
from millstream.common.errors import MillstreamError, OperationNotFoundError
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.ids import IdFactory, JobID
from millstream.common.wire.cluster_pb2 import OperationStatus
from millstream.dispatcher.kept_operations import KeptOperations

__all__ = ["Operations"]


class Operations:
    """The operations of all jobs.

    :param store_duration: how long the result of one is kept (``rest.async.store-duration``).
    """

    def __init__(self, clock: Clock, ids: IdFactory, store_duration: timedelta) -> None:
        self._ids = ids
        self._store_duration = store_duration
        self._operations: KeptOperations[tuple[JobID, str], OperationStatus] = KeptOperations(clock, store_duration)
        self._abandoned: str | None = None

    def find(self, job_id: JobID, request_id: str) -> bool:
        """Whether a request with this id was made before."""
        return self._operations.find((job_id, request_id)) is not None

    def start(self, job_id: JobID, request_id: str, work: Callable[[], Coroutine[Any, Any, OperationStatus]]) -> str:
        """Begin an operation, unless it was begun before, and return its id.

        :param request_id: empty: one is made.
        """
        request_id = request_id or self._ids.hex(32)
        name = f"operation {request_id} of {job_id}"
        self._operations.begin((job_id, request_id), lambda: _settled(work), name)
        return request_id

    async def wait(self, job_id: JobID, request_id: str, seconds: float) -> OperationStatus:
        """Return what became of an operation, or after the time that it is not completed yet.

        :raises LeadershipLostError: the master does not lead any more, and nobody knows what becomes of it.
        :raises OperationNotFoundError: there is none such (any more).
        """
        task = self._operations.find((job_id, request_id))
        if task is None:
            raise OperationNotFoundError(
                f"Job {job_id} has no operation {request_id}: it was never triggered in this cluster, or it ended more "
                f"than {self._store_duration.total_seconds():g} s ago ({RestOptions.ASYNC_STORE_DURATION.key})."
            )
        if not task.done() and seconds > 0:
            await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            return OperationStatus()
        if task.cancelled():
            if self._abandoned is not None:
                raise LeadershipLostError(
                    f"Nobody knows what became of operation {request_id} of job {job_id}: {self._abandoned}. Ask the "
                    "next leader for the job's savepoints and checkpoints, and trigger it again if it is not there."
                )
            return _failed("the cluster was shut down")
        return task.result()

    def abandon(self, reason: str) -> None:
        """The master does not lead any more: whoever waits is told so, at once."""
        self._abandoned = reason
        self._operations.cancel()

    async def close(self) -> None:
        """Wait for nothing any more."""
        await self._operations.close()


async def _settled(work: Callable[[], Coroutine[Any, Any, OperationStatus]]) -> OperationStatus:
    try:
        return await work()
    except MillstreamError as error:
        return _failed(str(error), type(error).__name__)


def _failed(message: str, exception_type: str = "MillstreamError") -> OperationStatus:
    return OperationStatus(completed=True, failure=engine_failure(ENGINE, message, exception_type=exception_type))
