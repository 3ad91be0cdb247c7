"""What is to be deleted in the directory of a job's checkpoints besides the checkpoints that the coordinator knows of.

Leaders that died have left behind what they had begun, or had no time to delete, and nobody else knows of it. All
checkpoints with ids that leaders of this job have given are the job's own, unless it began from a checkpoint of an
earlier job with the same id; whatever else is in the directory is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.states import JobStatus
from millstream.jobmanager.checkpoint.actions import (
    CheckpointAction,
    DeleteEmptyDirectories,
    DeleteJobDirectory,
    DeleteLeftCheckpoints,
)
from millstream.jobmanager.checkpoint.completed_checkpoint import CompletedCheckpoint
from millstream.jobmanager.checkpoint.referenced_files import ids_in
from millstream.jobmanager.checkpoint.settings import CheckpointSettings

__all__ = ["JobDirectory"]


class JobDirectory:
    """The directory of one job's checkpoints; there may be none."""

    __slots__ = ("_directory", "_is_own", "_settings")

    def __init__(self, settings: CheckpointSettings, job_id: str) -> None:
        self._settings = settings
        self._directory = settings.directory_of(job_id)
        self._is_own = not settings.shares_directory(job_id)

    def recovered(
        self, checkpoints: Iterable[CompletedCheckpoint], unreadable: Iterable[int], next_id: int
    ) -> list[CheckpointAction]:
        """Delete what earlier leaders had begun when they died: it is no use to anybody.

        :param checkpoints: those that earlier leaders have completed.
        :param unreadable: ids of others that are left as they are.
        :param next_id: the smallest that no leader has given.
        """
        if not self._directory or not self._is_own or next_id == 1:
            return []
        kept = set(unreadable).union(*(ids_in(one.metadata, one.directory) for one in checkpoints))
        return [DeleteLeftCheckpoints(self._directory, next_id, tuple(sorted(kept)))]

    def ended(self, status: JobStatus, next_id: int) -> list[CheckpointAction]:
        """Delete what is left at the job's end, after the checkpoints that are not retained.

        :param next_id: the smallest that no leader has given.
        """
        if not self._directory:
            return []
        if self._is_own and self._settings.keeps_nothing(status):
            return [DeleteJobDirectory(self._directory, next_id)]
        return [DeleteEmptyDirectories(self._directory)]
