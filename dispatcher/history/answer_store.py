"""The bodies of all archives, unpacked onto the local disk: any of them is found at once, and memory stays small.

They lie in one database file that has no name any more once it is open, so that nothing is left of it when the process
ends, however that happens. It is read anew from the archives at each start.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from millstream.common.errors import ConfigurationError
from millstream.common.ids import JobID

__all__ = ["AnswerStore"]

_ROWS: Final = 100
"""So many bodies are written at once: who reads waits no longer than that takes."""


class AnswerStore:
    """Bodies by path. Thread-safe; all methods block.

    :param directory: where the database is made; the system's directory for such files if not given.
    :raises ConfigurationError: it cannot be made there.
    """

    def __init__(self, directory: str | None = None) -> None:
        self._lock = threading.Lock()
        try:
            if directory is not None:
                Path(directory).mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="millstream-history-", suffix=".db", dir=directory)
            os.close(descriptor)
            try:
                self._database = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
                self._database.execute("PRAGMA journal_mode = OFF")
                self._database.execute("PRAGMA synchronous = OFF")
                self._database.execute("CREATE TABLE answers (path TEXT PRIMARY KEY, body BLOB NOT NULL)")
            finally:
                os.unlink(name)
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"There can be no database in {directory or tempfile.gettempdir()} (historyserver.web.tmpdir): {error}"
            ) from error

    def put(self, job_id: JobID, bodies: Mapping[str, bytes]) -> None:
        """Keep the bodies of a job in place of those that it has.

        :param bodies: by path, all of them the job's own.
        :raises OSError: there is no room.
        """
        self.remove(job_id)
        rows = iter(bodies.items())
        while batch := list(islice(rows, _ROWS)):
            with self._lock:
                self._write("INSERT INTO answers VALUES (?, ?)", batch)

    def remove(self, job_id: JobID) -> None:
        """Forget all bodies of a job."""
        with self._lock:
            # "0" is the character after "/": these are all paths below the job's.
            own = f"/jobs/{job_id}"
            self._write("DELETE FROM answers WHERE path = ? OR (path > ? AND path < ?)", [(own, f"{own}/", f"{own}0")])

    def get(self, path: str) -> bytes | None:
        """Return the body of a path, ``None``: there is none."""
        with self._lock:
            found = self._database.execute("SELECT body FROM answers WHERE path = ?", (path,)).fetchone()
        return None if found is None else bytes(found[0])

    def close(self) -> None:
        """Give the room back. May be called twice."""
        with self._lock:
            self._database.close()

    def _write(self, statement: str, rows: list[tuple[str, bytes]] | list[tuple[str, str, str]]) -> None:
        try:
            self._database.execute("BEGIN")
            try:
                self._database.executemany(statement, rows)
            finally:
                self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise OSError(f"what the archives hold cannot be unpacked (historyserver.web.tmpdir): {error}") from error
