"""The TaskManager's side of local copies: where they may lie, and when they go.

The workers write and read them; the TaskManager outlives its workers, so it makes the directories, removes what no
restart can need any more, and all of a job's when the job has left. All methods block: call them from a thread.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from millstream.common.config import CheckpointingOptions, Configuration, CoreOptions
from millstream.common.ids import JobID
from millstream.taskmanager.local_state.snapshot_copies import SnapshotCopies
from millstream.taskmanager.owned_directory import OwnedDirectory, remove_abandoned

__all__ = ["LocalStateManager"]

_log = logging.getLogger(__name__)

_PREFIX = "millstream-local-state-"


class LocalStateManager:
    """The directories of one TaskManager. Thread-safe."""

    def __init__(self, configuration: Configuration) -> None:
        configured = configuration.get(CheckpointingOptions.LOCAL_BACKUP_DIRS) or configuration.get(
            CoreOptions.TMP_DIRS
        )
        self._roots = [Path(each.removeprefix("file://")).absolute() for each in configured or [tempfile.gettempdir()]]
        self._lock = threading.Lock()
        self._owned: list[OwnedDirectory] = []  # as long as a job has copies
        self._jobs: dict[JobID, list[Path]] = {}
        self._closed = False

    def remove_left_overs(self) -> None:
        """Remove what TaskManagers that were killed have left."""
        for root in self._roots:
            remove_abandoned(root, _PREFIX)

    def directories_of(self, job_id: JobID) -> Sequence[Path]:
        """Return where the job's workers keep copies; empty if there is no place for them."""
        with self._lock:
            if self._closed:
                return ()
            known = self._jobs.get(job_id)
            if known is None:
                known = self._jobs[job_id] = self._make(job_id)
            return tuple(known)

    def completed(self, job_id: JobID, checkpoint_id: int) -> None:
        """A job's checkpoint is complete: remove what only earlier ones have."""
        copies = self._copies(job_id)
        if copies is not None:
            copies.completed(checkpoint_id)

    def aborted(self, job_id: JobID, checkpoint_id: int) -> None:
        """A job's checkpoint will never be complete: remove what it has."""
        copies = self._copies(job_id)
        if copies is not None:
            copies.aborted(checkpoint_id)

    def remove(self, job_id: JobID) -> None:
        """The job has left this TaskManager. Does nothing if it has no copies here."""
        with self._lock:
            directories = self._jobs.pop(job_id, [])
            for directory in directories:
                if directory.exists():
                    shutil.rmtree(directory, onerror=_report_left_over)
            if not self._jobs:
                self._remove_owned()

    def close(self) -> None:
        """Remove everything."""
        with self._lock:
            self._closed = True
            self._jobs.clear()
            self._remove_owned()

    def _remove_owned(self) -> None:
        owned, self._owned = self._owned, []
        for each in owned:
            try:
                each.remove()
            except OSError as error:
                _log.warning("copies of snapshots in %s could not be removed: %s", each.path, error)

    def _make(self, job_id: JobID) -> list[Path]:
        if not self._owned:
            for root in self._roots:
                try:
                    self._owned.append(OwnedDirectory(root, _PREFIX))
                except OSError as error:
                    _log.warning(
                        "no copies of snapshots are kept in %s: %s; set %s to directories that can be written to",
                        root,
                        error,
                        CheckpointingOptions.LOCAL_BACKUP_DIRS.key,
                    )
        name = f"job-{JobID.parse(job_id)}"  # 32 hex digits: nothing else becomes a path
        return [each.path / name for each in self._owned]

    def _copies(self, job_id: JobID) -> SnapshotCopies | None:
        with self._lock:
            directories = self._jobs.get(job_id)
        return SnapshotCopies(directories) if directories else None


def _report_left_over(_function: object, path: str, error: object) -> None:
    _log.warning("the copy %s of a snapshot could not be deleted: %s", path, error)
