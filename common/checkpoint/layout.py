"""Where the snapshots of a job lie.

Below the directory of checkpoints each job has its own::

    <directory>/<job id>/chk-<n>/     what belongs to one checkpoint alone, with its _metadata
    <directory>/<job id>/shared/      files that several checkpoints refer to
    <directory>/<job id>/taskowned/   files that tasks look after themselves

A savepoint is a directory for itself, ``savepoint-<6 digits of the job id>-<12 random digits>``, that can be moved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from millstream.common.checkpoint.errors import SnapshotError
from millstream.common.file_system import join
from millstream.common.ids import IdFactory

__all__ = ["METADATA", "SHARED", "TASK_OWNED", "CheckpointLayout", "checkpoint_id_of", "new_savepoint_directory"]

METADATA = "_metadata"
SHARED = "shared"
TASK_OWNED = "taskowned"

_CHECKPOINT = re.compile(r"chk-([1-9][0-9]*)")
_JOB_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class CheckpointLayout:
    """The directories of one job's checkpoints.

    :ivar root: the directory of checkpoints of all jobs, as all processes understand it.
    :raises SnapshotError: the job id is none.
    """

    root: str
    job_id: str

    def __post_init__(self) -> None:
        if not _JOB_ID.fullmatch(self.job_id):
            raise SnapshotError(f"{self.job_id!r} is no job id: it has 32 hexadecimal digits")

    @property
    def directory(self) -> str:
        return join(self.root, self.job_id)

    @property
    def shared(self) -> str:
        return join(self.directory, SHARED)

    @property
    def task_owned(self) -> str:
        return join(self.directory, TASK_OWNED)

    def checkpoint(self, checkpoint_id: int) -> str:
        """The directory of one checkpoint; ids begin at 1."""
        return join(self.directory, f"chk-{checkpoint_id}")


def checkpoint_id_of(name: str) -> int | None:
    """The id of the checkpoint to which a directory of this name belongs; ``None``: it is not one of a checkpoint."""
    found = _CHECKPOINT.fullmatch(name)
    return None if found is None else int(found[1])


def new_savepoint_directory(target: str, job_id: str, ids: IdFactory | None = None) -> str:
    """A path for a new savepoint.

    :param target: the directory in which it shall be.
    :raises SnapshotError: the job id is none.
    """
    if not _JOB_ID.fullmatch(job_id):
        raise SnapshotError(f"{job_id!r} is no job id: it has 32 hexadecimal digits")
    return join(target, f"savepoint-{job_id[:6]}-{(ids or IdFactory()).hex(12)}")
