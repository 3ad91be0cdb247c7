"""Notes in a SQLite database which checkpoints were sent."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from millstream.connectors.file_system.local_path import local_path
from millstream.datastream.functions import CheckpointCommitter

__all__ = ["SqliteCheckpointCommitter"]

_BUSY_S = 60.0


class SqliteCheckpointCommitter(CheckpointCommitter):
    """A row for each subtask and checkpoint in the table ``millstream_checkpoints``.

    A sink that writes into the same database can use :attr:`connection` for its records: begin a transaction in
    ``send_values`` and do not commit it; the note is added, and both are committed as one.

    :param path: the database; it is made if it is not there.
    """

    def __init__(self, path: Any) -> None:
        self._path = local_path(path)
        self._connection: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this subtask.

        :raises RuntimeError: it is not open.
        """
        if self._connection is None:
            raise RuntimeError(
                f"the checkpoint committer of {self._path} is not open: it is in the sink's methods only"
            )
        return self._connection

    def create_resource(self) -> None:
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        connection = sqlite3.connect(self._path, _BUSY_S)
        try:
            with connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS millstream_checkpoints (job_id TEXT, operator_id TEXT, "
                    "subtask_index INTEGER, checkpoint_id INTEGER, "
                    "PRIMARY KEY (job_id, operator_id, subtask_index, checkpoint_id)) WITHOUT ROWID"
                )
        finally:
            connection.close()

    def open(self) -> None:
        # A task's calls all come from one thread at a time, but not always from the same one.
        self._connection = sqlite3.connect(self._path, _BUSY_S, check_same_thread=False)

    def close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def commit_checkpoint(self, subtask_index: int, checkpoint_id: int) -> None:
        with self.connection as connection:
            connection.execute(
                "INSERT OR IGNORE INTO millstream_checkpoints VALUES (?, ?, ?, ?)",
                (self.job_id, self.operator_id, subtask_index, checkpoint_id),
            )

    def is_checkpoint_committed(self, subtask_index: int, checkpoint_id: int) -> bool:
        found = self.connection.execute(
            "SELECT 1 FROM millstream_checkpoints "
            "WHERE job_id = ? AND operator_id = ? AND subtask_index = ? AND checkpoint_id = ?",
            (self.job_id, self.operator_id, subtask_index, checkpoint_id),
        )
        return found.fetchone() is not None
