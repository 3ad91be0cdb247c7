"""Finds what a job goes on from under a new leader: the checkpoints that earlier leaders have completed.

The newest of them is what the job must go on from. If it cannot be read the job fails, with all of its data left where
it is: to take an older one in silence would let the job repeat what others have seen already. Trouble with ZooKeeper
is waited out, and a storage in a bad moment is asked more than once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from millstream.common.errors import MillstreamError
from millstream.common.file_system import FileSystemError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer, CheckpointPointers
from millstream.common.ids import JobID
from millstream.jobmanager.checkpoint.events import CheckpointsRecovered, RecoveredCheckpoint
from millstream.jobmanager.checkpoint.snapshot_matching import StateRecoveryError
from millstream.jobmanager.job_master.checkpoint_files import CheckpointFiles
from millstream.jobmanager.patience import patiently

__all__ = ["CheckpointRecovery"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
_MOST_READS: Final = 6
"""So often a checkpoint is read before it counts as unreadable: over about five seconds."""


class InThread(Protocol):
    """Runs blocking work in a thread."""

    async def __call__(self, work: Callable[[], T]) -> T: ...


class CheckpointRecovery:
    """Reads what is kept of one job's checkpoints.

    :param in_thread: runs what blocks.
    """

    def __init__(
        self, job_id: JobID, pointers: CheckpointPointers, files: CheckpointFiles, in_thread: InThread
    ) -> None:
        self._job_id = job_id
        self._pointers = pointers
        self._files = files
        self._in_thread = in_thread

    async def recover(self) -> CheckpointsRecovered:
        """Return what earlier leaders have left.

        :raises LeadershipLostError: another leads the job by now.
        :raises StateRecoveryError: the newest checkpoint cannot be read.
        """
        pointers = await patiently(f"Job {self._job_id} cannot find its checkpoints", self._pointers.all)
        next_id = await patiently(f"Job {self._job_id} cannot find its next checkpoint id", self._pointers.next_id)
        checkpoints = []
        for pointer in pointers:
            try:
                checkpoints.append(await self._read(pointer))
            except MillstreamError as error:
                if pointer is pointers[-1]:
                    raise StateRecoveryError(
                        f"Job {self._job_id} cannot go on from its latest checkpoint {pointer.checkpoint_id} "
                        f"({pointer.directory}): {error}. All of its data is left as it is; mend the storage and "
                        "submit the job anew from this checkpoint (-s), or from an older one or a savepoint"
                    ) from error
                logger.warning(
                    "Job %s can go on, but its older checkpoint %d (%s) is forgotten, and its files are left behind: "
                    "it cannot be read: %s",
                    self._job_id,
                    pointer.checkpoint_id,
                    pointer.directory,
                    error,
                )
                await self._forget(pointer.checkpoint_id)
        return CheckpointsRecovered(tuple(checkpoints), next_id)

    async def keep(self, pointer: CheckpointPointer) -> None:
        """Let later leaders go on from what the job begins from.

        :raises LeadershipLostError: another leads the job by now.
        """
        await patiently(f"Job {self._job_id} cannot keep what it begins from", lambda: self._pointers.add(pointer))

    async def _forget(self, checkpoint_id: int) -> None:
        await patiently(
            f"Job {self._job_id} cannot forget checkpoint {checkpoint_id}", lambda: self._pointers.remove(checkpoint_id)
        )

    async def _read(self, pointer: CheckpointPointer) -> RecoveredCheckpoint:
        pause = _FIRST_PAUSE_SECONDS
        for _ in range(_MOST_READS - 1):
            try:
                return await self._in_thread(lambda: self._files.recover(pointer))
            except FileSystemError as error:
                logger.warning(
                    "Job %s cannot read checkpoint %d yet; next try in %g s: %s",
                    self._job_id,
                    pointer.checkpoint_id,
                    pause,
                    error,
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return await self._in_thread(lambda: self._files.recover(pointer))
