"""Notes in files which checkpoints were sent."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from millstream.connectors.file_system.local_path import local_path
from millstream.datastream.functions import CheckpointCommitter

__all__ = ["FileCheckpointCommitter"]


class FileCheckpointCommitter(CheckpointCommitter):
    """One file per subtask, a line for each checkpoint. The directory has to be the same one for all workers.

    :param base_path: a directory; it is made if it is not there.
    """

    def __init__(self, base_path: Any) -> None:
        self._base_path = local_path(base_path)

    def create_resource(self) -> None:
        os.makedirs(self._directory(), exist_ok=True)

    def commit_checkpoint(self, subtask_index: int, checkpoint_id: int) -> None:
        # A line is so short that it is appended whole, whoever else appends. The line end in front ends one that was
        # cut off when a machine lost its power.
        with open(self._file(subtask_index), "ab", buffering=0) as file:
            file.write(f"\n{checkpoint_id};".encode())
            os.fsync(file.fileno())
        descriptor = os.open(self._directory(), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def is_checkpoint_committed(self, subtask_index: int, checkpoint_id: int) -> bool:
        try:
            with open(self._file(subtask_index), "rb") as file:
                return f"{checkpoint_id};".encode() in file.read().split(b"\n")
        except FileNotFoundError:
            return False

    def _directory(self) -> str:
        # Ids may come from users, and a name must not lead elsewhere.
        name = hashlib.sha256(f"{self.job_id}/{self.operator_id}".encode()).hexdigest()[:32]
        return os.path.join(self._base_path, name)

    def _file(self, subtask_index: int) -> str:
        return os.path.join(self._directory(), f"{subtask_index}.committed")
