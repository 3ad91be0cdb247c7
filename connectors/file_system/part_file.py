"""One file that a sink writes: in progress, then pending, then finished.

While it is in progress it has a hidden name, which readers of the directory pass over. A pending file is complete and
on the disk, still under that name; committing it is renaming it, which happens wholly or not at all.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass

__all__ = ["PartFile", "PendingFile"]

_BUFFER_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A complete file that is not visible yet.

    :ivar in_progress_path: where it is.
    :ivar path: where it is to be.
    """

    in_progress_path: str
    path: str


class PartFile:
    """A file in progress; a :class:`~millstream.connectors.file_system.rolling_policy.PartFileInfo`.

    :raises OSError: it cannot be made, or later on not be written; the message names it.
    """

    __slots__ = ("_bucket_id", "_created", "_file", "_in_progress_path", "_path", "_size", "_updated")

    def __init__(self, bucket_id: str, directory: str, name: str, now_ms: int) -> None:
        self._bucket_id = bucket_id
        self._path = os.path.join(directory, name)
        self._in_progress_path = os.path.join(directory, f".{name}.inprogress.{uuid.uuid4()}")
        self._created = self._updated = now_ms
        self._size = 0
        try:
            os.makedirs(directory, exist_ok=True)
            self._file = open(self._in_progress_path, "xb", _BUFFER_SIZE)  # noqa: SIM115  # closed when it is rolled
        except OSError as error:
            raise self._unwritable(error) from error

    def get_bucket_id(self) -> str:
        return self._bucket_id

    def get_creation_time(self) -> int:
        return self._created

    def get_size(self) -> int:
        return self._size

    def get_last_update_time(self) -> int:
        return self._updated

    def write(self, data: bytes, now_ms: int) -> None:
        """Append a record."""
        try:
            self._size += self._file.write(data)
        except OSError as error:
            raise self._unwritable(error) from error
        self._updated = now_ms

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def close_for_commit(self) -> PendingFile:
        """End the file, and see it on the disk."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise self._unwritable(error) from error
        return PendingFile(self._in_progress_path, self._path)

    def close(self) -> PendingFile:
        """End the file as it is."""
        self._file.close()
        return PendingFile(self._in_progress_path, self._path)

    def _unwritable(self, error: OSError) -> OSError:
        kind = type(error) if isinstance(error, (FileExistsError, NotADirectoryError, PermissionError)) else OSError
        return kind(f"Output file {self._path!r} cannot be written: {error.strerror or error}")
