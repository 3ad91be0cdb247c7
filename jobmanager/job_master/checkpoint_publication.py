"""Makes checkpoints complete: keeps their pointers for later leaders, one after the other in the order of their ids.

A pointer is kept, or it is not, or nobody can tell. In the last case it is put again, which does no harm, until
somebody can tell or the term is over; then the next leader finds out, and here nobody acts on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from millstream.common.errors import MillstreamError
from millstream.common.failure import ENGINE, engine_failure, first_line
from millstream.common.high_availability.checkpoint_pointers import (
    CheckpointPointer,
    CheckpointPointers,
    OutcomeUnknownError,
)
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.ids import JobID
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.checkpoint.events import PointerKept, PointerNotKept

__all__ = ["CheckpointPublication"]

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0


class CheckpointPublication:
    """Keeps the pointers of one job.

    :param tell: is told how each came to an end, unless the term came to an end before.
    """

    def __init__(
        self,
        job_id: JobID,
        pointers: CheckpointPointers,
        tasks: BackgroundTasks,
        tell: Callable[[PointerKept | PointerNotKept], None],
    ) -> None:
        self._job_id = job_id
        self._pointers = pointers
        self._tasks = tasks
        self._tell = tell
        self._turn = asyncio.Lock()  # who waits first is first
        self._under_way: dict[int, asyncio.Task[None]] = {}

    def keep(self, pointer: CheckpointPointer) -> None:
        """Keep a pointer, after those before."""
        checkpoint_id = pointer.checkpoint_id
        task = self._tasks.spawn(self._keep(pointer), f"keep the pointer of checkpoint {checkpoint_id}")
        self._under_way[checkpoint_id] = task
        task.add_done_callback(lambda _: self._under_way.pop(checkpoint_id, None))

    def under_way(self, checkpoint_id: int) -> asyncio.Task[None] | None:
        """Return what is keeping this checkpoint's pointer; ``None``: it has ended, or never began."""
        return self._under_way.get(checkpoint_id)

    async def _keep(self, pointer: CheckpointPointer) -> None:
        async with self._turn:
            event = await self._outcome(pointer)
        if event is not None:
            self._tell(event)

    async def _outcome(self, pointer: CheckpointPointer) -> PointerKept | PointerNotKept | None:
        checkpoint_id = pointer.checkpoint_id
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._pointers.add(pointer)
            except LeadershipLostError as error:
                logger.info("Checkpoint %d of job %s is the next leader's: %s", checkpoint_id, self._job_id, error)
                return None
            except OutcomeUnknownError as error:
                logger.warning(
                    "Nobody can tell whether checkpoint %d of job %s is complete; next try in %g s: %s",
                    checkpoint_id,
                    self._job_id,
                    pause,
                    error,
                )
            except MillstreamError as error:
                failure = engine_failure(
                    ENGINE,
                    f"the pointer of checkpoint {checkpoint_id} could not be kept: {error}",
                    exception_type=type(error).__name__,
                )
                logger.warning("%s", first_line(failure))
                return PointerNotKept(checkpoint_id, failure)
            else:
                return PointerKept(checkpoint_id)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
