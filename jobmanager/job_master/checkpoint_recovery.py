"""Finds what a job goes on from under a new leader: the checkpoints that earlier leaders have completed.

The newest of them is what the job must go on from. If it is broken the job fails, with all of its data left where it
is: to take an older one in silence would let the job repeat what others have seen already. Trouble that may pass is
waited out, as long as the term lasts: a storage or a ZooKeeper that does not answer says nothing of a checkpoint, and
a job that has failed does not come back by itself. Only what is missing from a storage that answers is soon given up:
some show a file late, but not very late.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from typing import Final, Protocol, TypeVar

from millstream.common.checkpoint.errors import MissingSnapshotError
from millstream.common.errors import MillstreamError
from millstream.common.file_system import FileSystemError
from millstream.common.file_system.failures import is_transient
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer, CheckpointPointers
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.ids import JobID
from millstream.jobmanager.checkpoint.events import (
    CheckpointRestored,
    CheckpointsRecovered,
    ClaimMode,
    RecoveredCheckpoint,
)
from millstream.jobmanager.checkpoint.snapshot_matching import StateRecoveryError
from millstream.jobmanager.job_master.checkpoint_files import CheckpointFiles
from millstream.jobmanager.patience import patiently

__all__ = ["CheckpointRecovery"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_MOST_LOOKS: Final = 6
"""So often a file is looked for before it counts as missing: over about three seconds."""
_MOST_READS: Final = 15
"""So often the snapshot is read that a user has named: over about a minute. He may have named the wrong store."""


class InThread(Protocol):
    """Runs blocking work in a thread."""

    async def __call__(self, work: Callable[[], T]) -> T: ...


class CheckpointRecovery:
    """Reads what is kept of one job's checkpoints.

    :param in_thread: runs what blocks.
    :param on_trouble: is told of trouble that is being waited out.
    """

    def __init__(
        self,
        job_id: JobID,
        pointers: CheckpointPointers,
        files: CheckpointFiles,
        in_thread: InThread,
        on_trouble: Callable[[Exception], None],
    ) -> None:
        self._job_id = job_id
        self._pointers = pointers
        self._files = files
        self._in_thread = in_thread
        self._on_trouble = on_trouble

    async def recover(self, *, has_ended: bool = False) -> CheckpointsRecovered:
        """Return what earlier leaders have left.

        :param has_ended: the job need not go on from it.
        :raises LeadershipLostError: another leads the job by now.
        :raises StateRecoveryError: the newest checkpoint cannot be read, and never will be.
        """
        pointers = await patiently(
            f"Job {self._job_id} cannot find its checkpoints", self._pointers.all, on_trouble=self._on_trouble
        )
        next_id = await patiently(
            f"Job {self._job_id} cannot find its next checkpoint id",
            self._pointers.next_id,
            on_trouble=self._on_trouble,
        )
        checkpoints, unreadable = [], []
        for pointer in pointers:
            try:
                checkpoints.append(await self._read(pointer))
            except LeadershipLostError:
                raise
            except MillstreamError as error:
                if pointer is pointers[-1] and not has_ended:
                    raise StateRecoveryError(
                        f"Job {self._job_id} cannot go on from its latest checkpoint {pointer.checkpoint_id} "
                        f"({pointer.directory}): {error}. All of its data is left as it is; mend the storage and "
                        "submit the job anew from this checkpoint (-s), or from an older one or a savepoint"
                    ) from error
                logger.warning(
                    "Job %s forgets its checkpoint %d (%s), and leaves its files behind: it cannot be read: %s",
                    self._job_id,
                    pointer.checkpoint_id,
                    pointer.directory,
                    error,
                )
                unreadable.append(pointer.checkpoint_id)
                await self._forget(pointer.checkpoint_id)
        return CheckpointsRecovered(tuple(checkpoints), next_id, tuple(unreadable))

    async def begin_from(self, path: str, claim_mode: ClaimMode) -> CheckpointRestored:
        """Return the snapshot that a user wants the job to begin from.

        :raises MillstreamError: it is not there, cannot be read, or its storage did not answer for long.
        """
        attempts = count(1)

        def may_pass(error: Exception) -> bool:
            cause = error.__cause__
            transient = isinstance(error, FileSystemError) and isinstance(cause, OSError) and is_transient(cause)
            return transient and next(attempts) < _MOST_READS

        return await patiently(
            f"Job {self._job_id} cannot read yet what it is to begin from ({path})",
            lambda: self._in_thread(lambda: self._files.read(path, claim_mode)),
            may_pass,
            self._on_trouble,
        )

    async def keep(self, pointer: CheckpointPointer) -> None:
        """Let later leaders go on from what the job begins from.

        :raises LeadershipLostError: another leads the job by now.
        """
        await patiently(
            f"Job {self._job_id} cannot keep what it begins from",
            lambda: self._pointers.add(pointer),
            on_trouble=self._on_trouble,
        )

    async def _forget(self, checkpoint_id: int) -> None:
        await patiently(
            f"Job {self._job_id} cannot forget checkpoint {checkpoint_id}",
            lambda: self._pointers.remove(checkpoint_id),
            on_trouble=self._on_trouble,
        )

    async def _read(self, pointer: CheckpointPointer) -> RecoveredCheckpoint:
        looks = count(1)

        def may_pass(error: Exception) -> bool:
            if isinstance(error, MissingSnapshotError):
                return next(looks) < _MOST_LOOKS
            return isinstance(error, FileSystemError)

        return await patiently(
            f"Job {self._job_id} cannot read checkpoint {pointer.checkpoint_id} yet, which it may have to go on from",
            lambda: self._in_thread(lambda: self._files.recover(pointer)),
            may_pass,
            self._on_trouble,
        )
