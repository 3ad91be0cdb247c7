"""Reads the bytes of snapshots, and finds out when they are not what was written."""

from __future__ import annotations

import io
import logging
import shutil
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from millstream.common.checkpoint.errors import BrokenSnapshotError, MissingSnapshotError
from millstream.common.config import Configuration
from millstream.common.file_system import file_system_of
from millstream.common.wire.checkpoint_pb2 import StateBytes

__all__ = ["LocalCopies", "SnapshotReader"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_COPY = 1 << 20

LocalCopies = Callable[[StateBytes], "Path | None"]
"""Where this host keeps a copy of stored bytes, if it does."""


class SnapshotReader:
    """Implements :class:`~millstream.common.checkpoint.streams.StateReader`, for absolute paths.

    A local copy is read in place of the file if it is what was written; if it is not, the file is.
    """

    def __init__(
        self,
        configuration: Configuration | None = None,
        snapshot: str = "the snapshot",
        local_copies: LocalCopies | None = None,
    ) -> None:
        """:param snapshot: what the bytes belong to, for errors: ``checkpoint 7``.

        :param local_copies: asked first for all that lies in a file.
        """
        self._configuration = configuration
        self._snapshot = snapshot
        self._local_copies = local_copies

    def open(self, stored: StateBytes) -> BinaryIO:
        if not stored.path:
            return io.BytesIO(self.read(stored))
        local = self._from_local(stored, lambda path: _open_whole(path, stored))
        if local is not None:
            return local
        try:
            file = file_system_of(stored.path, self._configuration).open(stored.path)
        except FileNotFoundError as error:
            raise self._missing(stored) from error
        size = file.seek(0, io.SEEK_END)
        if size != stored.size:
            file.close()
            raise self._broken(stored, size)
        file.seek(0)
        return file

    def read(self, stored: StateBytes) -> bytes:
        if not stored.path:
            return self._checked(stored, stored.inline)
        local = self._from_local(stored, lambda path: _read_whole(path, stored))
        if local is not None:
            return local
        try:
            return self._checked(stored, file_system_of(stored.path, self._configuration).read(stored.path))
        except FileNotFoundError as error:
            raise self._missing(stored) from error

    def download(self, stored: StateBytes, target: Path) -> None:
        if not stored.path:
            target.write_bytes(self.read(stored))
            return
        if self._from_local(stored, lambda path: _copy_whole(path, stored, target)) is not None:
            return
        try:
            size = file_system_of(stored.path, self._configuration).download(stored.path, target)
        except FileNotFoundError as error:
            raise self._missing(stored) from error
        if size != stored.size or _crc32_of(target) != stored.crc32:
            target.unlink()
            raise self._broken(stored, size)

    def _from_local(self, stored: StateBytes, take: Callable[[Path], T | None]) -> T | None:
        """Take stored bytes from this host's copy. ``None``: it has none, or it is not what was written."""
        path = None if self._local_copies is None else self._local_copies(stored)
        if path is None:
            return None
        try:
            taken = take(path)
        except OSError as error:
            _log.warning(
                "the local copy %s of %s cannot be read: %s; reading %s", path, stored.path, error, stored.path
            )
            return None
        if taken is None:
            _log.warning("the local copy %s of %s is damaged; reading %s", path, stored.path, stored.path)
        return taken

    def _checked(self, stored: StateBytes, data: bytes) -> bytes:
        if len(data) != stored.size or zlib.crc32(data) != stored.crc32:
            raise self._broken(stored, len(data))
        return data

    def _missing(self, stored: StateBytes) -> MissingSnapshotError:
        return MissingSnapshotError(
            f"{stored.path}, a file of {self._snapshot}, is gone; restore from another checkpoint or savepoint, and "
            "see who deletes there"
        )

    def _broken(self, stored: StateBytes, size: int) -> BrokenSnapshotError:
        what = (
            f"it has {size} bytes instead of {stored.size}"
            if size != stored.size
            else "its checksum does not match: its bytes were changed"
        )
        return BrokenSnapshotError(
            f"{stored.path or 'state in the metadata'} of {self._snapshot} is broken: {what}; restore from another "
            "checkpoint or savepoint"
        )


def _open_whole(path: Path, stored: StateBytes) -> BinaryIO | None:
    # Only who reads all of a file sees its checksum. So it is looked at here: for a copy there is another choice.
    if path.stat().st_size != stored.size or _crc32_of(path) != stored.crc32:
        return None
    return path.open("rb")


def _read_whole(path: Path, stored: StateBytes) -> bytes | None:
    data = path.read_bytes()
    return data if len(data) == stored.size and zlib.crc32(data) == stored.crc32 else None


def _copy_whole(path: Path, stored: StateBytes, target: Path) -> Path | None:
    if path.stat().st_size != stored.size:
        return None
    shutil.copyfile(path, target)
    return target if _crc32_of(target) == stored.crc32 else None


def _crc32_of(path: Path) -> int:
    crc32 = 0
    with path.open("rb") as file:
        for chunk in iter(partial(file.read, _COPY), b""):
            crc32 = zlib.crc32(chunk, crc32)
    return crc32
