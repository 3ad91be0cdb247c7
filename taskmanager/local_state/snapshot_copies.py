"""Where the copies of one job's snapshot files lie on this host: known by the URI of the file that each is a copy of.

::

    <one of the job's directories>/chk-<checkpoint id>/<hash of the URI>

All workers of the job on a TaskManager share the directories, so whichever takes a task over finds what another wrote.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from millstream.common.config import CheckpointingOptions, Configuration, StateOptions
from millstream.common.wire.checkpoint_pb2 import StateBytes

__all__ = ["SnapshotCopies", "keeps_copies"]

_CHECKPOINT = re.compile(r"chk-(\d+)")


def keeps_copies(configuration: Configuration) -> bool:
    """Whether a job with these settings wants copies of its checkpoints on the hosts of its tasks."""
    wanted = configuration.get(CheckpointingOptions.LOCAL_BACKUP_ENABLED)
    return configuration.get(StateOptions.RECOVERY_FROM_LOCAL) if wanted is None else wanted


class SnapshotCopies:
    """The copies of one job. Any number of processes may use the same directories."""

    def __init__(self, directories: Sequence[Path]) -> None:
        """:param directories: files are divided among them; at least one."""
        self._directories = tuple(directories)

    def prepare(self, checkpoint_id: int) -> None:
        """A checkpoint begins that will have copies.

        :raises OSError: there is no place for them.
        """
        for directory in self._directories:
            (directory / f"chk-{checkpoint_id}").mkdir(parents=True, exist_ok=True)

    def new_file(self, checkpoint_id: int) -> Path:
        """Return a path for a copy that is being written."""
        directory = secrets.choice(self._directories)
        return directory / f"chk-{checkpoint_id}" / f"unfinished-{secrets.token_hex(8)}"

    def keep(self, unfinished: Path, uri: str) -> Path:
        """A copy is whole: from now on it is found. Returns its path.

        :raises OSError: its directory is gone: the checkpoint is not wanted any more.
        """
        return unfinished.replace(unfinished.with_name(_name(uri)))

    def find(self, stored: StateBytes) -> Path | None:
        """Return the copy of stored bytes, ``None`` if this host has none. It may have been damaged."""
        name = _name(stored.path)
        for _, directory in sorted(self._checkpoints(), reverse=True):
            path = directory / name
            if path.is_file():
                return path
        return None

    def completed(self, checkpoint_id: int) -> None:
        """A checkpoint is complete: what only earlier ones have is not needed, if this one has copies at all."""
        checkpoints = list(self._checkpoints())
        if any(each == checkpoint_id for each, _ in checkpoints):
            for each, directory in checkpoints:
                if each < checkpoint_id:
                    shutil.rmtree(directory, ignore_errors=True)  # workers may still try to write there

    def aborted(self, checkpoint_id: int) -> None:
        """A checkpoint will never be complete."""
        for each, directory in list(self._checkpoints()):
            if each == checkpoint_id:
                shutil.rmtree(directory, ignore_errors=True)

    def _checkpoints(self) -> Iterator[tuple[int, Path]]:
        for directory in self._directories:
            try:
                entries = list(directory.iterdir())
            except OSError:
                continue  # removed, or never made: there are no copies in it
            for path in entries:
                match = _CHECKPOINT.fullmatch(path.name)
                if match is not None:
                    yield int(match[1]), path


def _name(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()
