"""Deletes what nothing needs any more, one after the other, and never before the pointers to it are gone.

A file may be deleted only when no later leader of the job can go on from a checkpoint that refers to it. So the removal
of a pointer stands in the same line as the deletions, and what is behind it waits until it has succeeded. A master
whose term is over removes no pointer and deletes nothing that was behind one: it is the next leader's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointers
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.ids import JobID
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.patience import patiently

__all__ = ["DeletionQueue"]

logger = logging.getLogger(__name__)

_MOST_ATTEMPTS: Final = 4
"""So often something is deleted before it is left to whoever cleans up."""
_FIRST_PAUSE_SECONDS: Final = 0.2

_POINTER_REMOVED: Final = FaultPoint(
    "checkpoint.pointer-removed", "the pointer of a checkpoint that is needed no more is removed, its files are there"
)


@dataclass(slots=True)
class _Deletion:
    what: str
    carry_out: Callable[[], Awaitable[None]]
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class _Removal:
    checkpoint_id: int
    kept: asyncio.Task[None] | None


_Item: TypeAlias = _Deletion | _Removal


class DeletionQueue:
    """What one job wants removed and deleted, in order.

    :param on_removed: is told of each checkpoint whose pointer is removed.
    """

    def __init__(
        self, job_id: JobID, pointers: CheckpointPointers, tasks: BackgroundTasks, on_removed: Callable[[int], None]
    ) -> None:
        self._job_id = job_id
        self._pointers = pointers
        self._tasks = tasks
        self._on_removed = on_removed
        self._items: asyncio.Queue[_Item] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._deposed = False

    def remove_pointer(self, checkpoint_id: int, kept: asyncio.Task[None] | None) -> None:
        """Let no later leader go on from a checkpoint. What is put into the queue after it waits for that.

        :param kept: what is about to keep that very pointer, if it has not ended: it comes first.
        """
        self._put(_Removal(checkpoint_id, kept))

    def delete(self, what: str, carry_out: Callable[[], Awaitable[None]]) -> None:
        """Delete something.

        :param carry_out: raises a MillstreamError if it could not (all) be deleted; may be called again then.
        """
        self._put(_Deletion(what, carry_out))

    async def join(self) -> None:
        """Return when all has been removed and deleted, or was given up."""
        await self._items.join()

    def stop(self) -> None:
        """Begin with nothing more."""
        if self._worker is not None:
            self._worker.cancel()

    def _put(self, item: _Item) -> None:
        self._items.put_nowait(item)
        if self._worker is None:
            self._worker = self._tasks.spawn(self._work(), "deletions")

    async def _work(self) -> None:
        while True:
            item = await self._items.get()
            if self._deposed:
                pass  # it is the next leader's
            elif isinstance(item, _Removal):
                await self._remove(item)
            elif not await self._delete(item):
                self._tasks.spawn(self._again(item), f"delete {item.what} again")
                continue
            self._items.task_done()

    async def _again(self, deletion: _Deletion) -> None:
        # A task that has not heard yet that its checkpoint was given up writes into a directory while it is deleted,
        # and stores have bad moments. Others need not wait for that.
        await asyncio.sleep(_FIRST_PAUSE_SECONDS * 2 ** (deletion.attempts - 1))
        self._items.put_nowait(deletion)
        self._items.task_done()  # only now: whoever waits for all waits for this one too

    async def _remove(self, removal: _Removal) -> None:
        if removal.kept is not None:
            await asyncio.wait({removal.kept})
        checkpoint_id = removal.checkpoint_id
        try:
            await patiently(
                f"Job {self._job_id} cannot remove the pointer of checkpoint {checkpoint_id}, and deletes nothing "
                "until it can",
                lambda: self._pointers.remove(checkpoint_id),
            )
        except LeadershipLostError as error:
            logger.info(
                "Job %s leaves checkpoint %d and whatever was to be deleted after it to its next leader: %s",
                self._job_id,
                checkpoint_id,
                error,
            )
            self._deposed = True
        else:
            _POINTER_REMOVED.reach()
            self._on_removed(checkpoint_id)

    async def _delete(self, deletion: _Deletion) -> bool:
        """Returns whether there is nothing more to do about it."""
        deletion.attempts += 1
        try:
            await deletion.carry_out()
        except MillstreamError as error:
            if deletion.attempts < _MOST_ATTEMPTS:
                return False
            logger.warning(
                "Job %s cannot delete %s, which nothing needs any more: %s", self._job_id, deletion.what, error
            )
        return True
