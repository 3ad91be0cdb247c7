"""One file that a sink writes: in progress, then pending, then finished.

While it is in progress it has a hidden name, which readers of the directory pass over. A pending file is complete and
on the disk, still under that name; committing it is renaming it, which happens wholly or not at all.

A file that is in progress at a checkpoint is gone on with after a failure: what was written until then is copied to a
new file, under a new name. The old one stays for another failure, until a checkpoint that knows the new one is
complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from millstream.common.file_system import FileSystemError
from millstream.connectors.file_system.bulk_writer import BulkWriter
from millstream.connectors.file_system.part_store import PartStore, PartStream

__all__ = ["InProgressFile", "ObsoleteFile", "PartFile", "PendingFile", "hidden_path"]


@dataclass(frozen=True, slots=True)
class PendingFile:
    """A complete file that is not visible yet: a committable.

    :ivar in_progress_path: where it is.
    :ivar path: where it is to be.
    """

    in_progress_path: str
    path: str


@dataclass(frozen=True, slots=True)
class ObsoleteFile:
    """A hidden file that another one has taken the place of: a committable that is committed by deleting it."""

    path: str


@dataclass(frozen=True, slots=True)
class InProgressFile:
    """A file that is being written, in a checkpoint: a writer's state.

    :ivar path: its hidden name.
    :ivar size: how much of it belongs to the checkpoint, bytes.
    :ivar created: when it was begun, ms since the Unix epoch.
    :ivar updated: when it was last written to.
    """

    bucket_id: str
    path: str
    size: int
    created: int
    updated: int


class PartFile:
    """A file in progress; a :class:`~millstream.connectors.file_system.rolling_policy.PartFileInfo`.

    :raises OSError: it cannot be made, or later on not be written; the message names it.
    """

    __slots__ = ("_bucket_id", "_bulk", "_created", "_in_progress_path", "_path", "_size", "_stream", "_updated")

    def __init__(
        self,
        store: PartStore,
        bucket_id: str,
        path: str,
        in_progress_path: str,
        now_ms: int,
        bulk: Callable[[PartStream], BulkWriter] | None = None,
        resumed: InProgressFile | None = None,
    ) -> None:
        """:param bulk: makes the writer of records; ``None``: records are given as bytes.
        :param resumed: what the file begins with.
        """
        self._bucket_id = bucket_id
        self._path = path
        self._in_progress_path = in_progress_path
        self._created = self._updated = now_ms
        self._size = 0 if resumed is None else resumed.size
        try:
            if resumed is None:
                self._stream: PartStream = store.create(in_progress_path)
            else:
                self._created, self._updated = resumed.created, resumed.updated
                self._stream = store.resume(resumed.path, resumed.size, in_progress_path)
        except OSError as error:
            if resumed is None:
                raise self._unwritable(error) from error
            raise OSError(
                f"Output file {resumed.path!r} cannot be gone on with: {error.strerror or error}. It was in progress "
                "when the checkpoint was taken; if the job went on since then, restore from a later checkpoint"
            ) from error
        try:
            self._bulk = None if bulk is None else bulk(self._stream)
        except BaseException:
            self._stream.abandon()
            raise

    def get_bucket_id(self) -> str:
        return self._bucket_id

    def get_creation_time(self) -> int:
        return self._created

    def get_size(self) -> int:
        return self._size if self._bulk is None else self._stream.tell()

    def get_last_update_time(self) -> int:
        return self._updated

    def write(self, data: bytes, now_ms: int) -> None:
        """Append a record's bytes."""
        try:
            self._size += self._stream.write(data)
        except (OSError, FileSystemError) as error:
            raise self._unwritable(error) from error
        self._updated = now_ms

    def add(self, element: Any, now_ms: int) -> None:
        """Append a record."""
        assert self._bulk is not None
        self._bulk.add_element(element)
        self._updated = now_ms

    def persist(self) -> InProgressFile:
        """See what was written so far on the disk."""
        try:
            self._stream.persist()
        except OSError as error:
            raise self._unwritable(error) from error
        return InProgressFile(self._bucket_id, self._in_progress_path, self._size, self._created, self._updated)

    def close_for_commit(self) -> PendingFile:
        """End the file, and see it on the disk."""
        if self._bulk is not None:
            self._bulk.finish()
        try:
            self._stream.finish()
        except (OSError, FileSystemError) as error:
            raise self._unwritable(error) from error
        return PendingFile(self._in_progress_path, self._path)

    def close(self) -> PendingFile:
        """Let go of the file as it is."""
        try:
            if self._bulk is not None:
                self._bulk.abandon()
        finally:
            self._stream.abandon()
        return PendingFile(self._in_progress_path, self._path)

    def _unwritable(self, error: Exception) -> OSError:
        kind = type(error) if isinstance(error, (FileExistsError, NotADirectoryError, PermissionError)) else OSError
        return kind(f"Output file {self._path!r} cannot be written: {getattr(error, 'strerror', None) or error}")


def hidden_path(path: str, mark: str) -> str:
    """The hidden name of a file, in the same directory."""
    directory, _, name = path.rpartition("/")
    return f"{directory}/.{name}.inprogress.{mark}"
