"""Writes log records into a file that several processes share, or to the console.

A TaskManager and its slot workers log into one file. Each appends for itself, as the records of a worker that is
killed or that stands still must be there too: the last ones tell most, and what waits in a queue to somebody else is
lost with the process. That takes no lock:

- A record is one ``write`` to a file that is open for appending. The kernel puts it behind the end, as a whole.
- Whoever finds the file large enough renames ``x.log`` to ``x.log.1``, that to ``x.log.2`` and so on, under a lock on
  the file that is taken only if it is free at once. Nobody waits for a process that was stopped in the midst of it.
- Before each record it is looked whether the name still means the open file. A record that comes between the look and
  the renaming lands at the end of ``x.log.1``; if even that has been deleted, as the oldest is, it is written again.

Without a file the records go to standard error, as the console's.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from typing import Final

__all__ = ["LogHandler"]

_DEFAULT_MAX_BYTES: Final = 100 * 1024 * 1024


class LogHandler(logging.Handler):
    """Appends to a file and rotates it.

    :param filename: of the file, which is made if it is not there; empty: standard error.
    :param max_bytes: a file that has so many is rotated; 0: never.
    :param max_files: how many rotated files are kept.
    :raises OSError: the file cannot be opened.
    :raises ValueError: a number is negative.
    """

    def __init__(self, filename: str = "", max_bytes: int = _DEFAULT_MAX_BYTES, max_files: int = 10) -> None:
        super().__init__()
        if max_bytes < 0 or max_files < 0:
            raise ValueError(f"max_bytes ({max_bytes}) and max_files ({max_files}) must not be negative")
        self._filename = os.path.abspath(filename) if filename else ""
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._descriptor = -1
        self._file_id = (0, 0)
        if self._filename:
            self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record. What goes wrong is told on standard error."""
        try:
            line = self.format(record) + "\n"
            if self._filename:
                self._append(line.encode("utf-8", "backslashreplace"))
            else:
                sys.stderr.write(line)
                sys.stderr.flush()
        except Exception:  # noqa: BLE001  # as every handler does: to log must not break the program
            self.handleError(record)

    def close(self) -> None:
        """Let go of the file. May be called more than once."""
        self.acquire()
        try:
            self._close()
        finally:
            self.release()
        super().close()

    def _append(self, data: bytes) -> None:
        if not self._is_current():
            self._open()
        self._write(data)
        status = os.fstat(self._descriptor)
        if status.st_nlink == 0:
            self._open()
            self._write(data)
        elif self._max_bytes and status.st_size >= self._max_bytes:
            self._rotate()

    def _write(self, data: bytes) -> None:
        written = os.write(self._descriptor, data)
        while written < len(data):  # a full disk, for one; the next attempt says so
            data = data[written:]
            written = os.write(self._descriptor, data)

    def _is_current(self) -> bool:
        if self._descriptor < 0:
            return False
        try:
            status = os.stat(self._filename)
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) == self._file_id

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._filename, flags, 0o644)
        self._close()
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self._file_id = (status.st_dev, status.st_ino)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _rotate(self) -> None:
        # Opened anew, as the lock belongs to what was opened, and a forked process shares that with its parent.
        try:
            held = os.open(self._filename, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # somebody is about to be done with it
            return
        try:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if not self._is_still_full(held):
                return
            if self._max_files == 0:
                os.unlink(self._filename)
                return
            for number in range(self._max_files - 1, 0, -1):
                older = f"{self._filename}.{number}"
                if os.path.exists(older):
                    os.replace(older, f"{self._filename}.{number + 1}")
            os.replace(self._filename, f"{self._filename}.1")
        finally:
            os.close(held)

    def _is_still_full(self, held: int) -> bool:
        """Whether the locked file is still the log: another process may have rotated it before it was locked."""
        locked = os.fstat(held)
        try:
            named = os.stat(self._filename)
        except FileNotFoundError:
            return False
        return (locked.st_dev, locked.st_ino) == (named.st_dev, named.st_ino) and locked.st_size >= self._max_bytes
