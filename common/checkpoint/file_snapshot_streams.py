"""Writes the bytes of a task's snapshot into files of the snapshot's directory."""

from __future__ import annotations

import re
import secrets
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from millstream.common.checkpoint.errors import SnapshotAbortedError, SnapshotError
from millstream.common.config import CheckpointingOptions, Configuration
from millstream.common.file_system import FileSystem, FileSystemError, file_system_of, join
from millstream.common.wire.checkpoint_pb2 import StateBytes

__all__ = ["FileSnapshotStreams"]

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_COPY = 1 << 20


class FileSnapshotStreams:
    """Implements :class:`~millstream.common.checkpoint.streams.SnapshotStreams`.

    What is small stays inline. Each file has a random name and is seen when it is whole, so that tries that overlap
    cannot harm each other.
    """

    def __init__(
        self, directory: str, shared_directory: str, configuration: Configuration, files: FileSystem | None = None
    ) -> None:
        """:param directory: of this snapshot alone.

        :param shared_directory: for files that later checkpoints may refer to; empty: there are none.
        :param files: the store, if it is not to be found by the directory.
        """
        self._directory = directory
        self._shared_directory = shared_directory
        self._files = files if files is not None else file_system_of(directory, configuration)
        self._threshold = configuration.get(CheckpointingOptions.DATA_INLINE_THRESHOLD)
        self._buffer = configuration.get(CheckpointingOptions.WRITE_BUFFER_SIZE)
        self._lock = threading.Lock()
        self._written: list[str] = []
        self._aborted = False

    @property
    def directory(self) -> str:
        """The snapshot's own."""
        return self._directory

    def write(self, name: str, chunks: Iterable[bytes | memoryview], *, shared: bool = False) -> StateBytes:
        self._check()
        rest = iter(chunks)
        small: list[bytes | memoryview] = []
        if not shared:
            size = 0
            for chunk in rest:
                size += memoryview(chunk).nbytes
                if size >= self._threshold:
                    small.append(chunk)
                    break
                small.append(bytes(chunk))
            else:
                data = b"".join(small)
                return StateBytes(inline=data, size=size, crc32=zlib.crc32(data))
        path = self._new_path(name, shared)
        summed = _Summed(chain(small, rest), self._buffer, self._check)
        size = self._files.write(path, summed)
        return self._kept(path, size, summed.crc32)

    def write_file(self, name: str, source: Path, *, shared: bool = False) -> StateBytes:
        self._check()
        path = self._new_path(name, shared)
        crc32 = 0
        with open(source, "rb") as file:
            for chunk in iter(partial(file.read, _COPY), b""):
                crc32 = zlib.crc32(chunk, crc32)
        self._check()
        return self._kept(path, self._files.upload(source, path), crc32)

    def refer(self, stored: StateBytes, source: Path) -> None:
        self._check()

    def abort(self) -> None:
        """Delete what was written, and let all that is being written fail. Blocks; from any thread, also twice.

        :raises FileSystemError: something could not be deleted; all else is.
        """
        with self._lock:
            self._aborted = True
            written, self._written = self._written, []
        failure: FileSystemError | None = None
        for path in written:
            try:
                self._files.delete(path)
            except FileSystemError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _new_path(self, name: str, shared: bool) -> str:
        if not _NAME.fullmatch(name):
            raise SnapshotError(f"{name!r} cannot be a part of a file's name")
        if shared and not self._shared_directory:
            raise SnapshotError(
                f"{name}: the snapshot in {self._directory} shares no files with others: it is not incremental"
            )
        return join(self._shared_directory if shared else self._directory, f"{name}-{secrets.token_hex(16)}")

    def _kept(self, path: str, size: int, crc32: int) -> StateBytes:
        with self._lock:
            if not self._aborted:
                self._written.append(path)
                return StateBytes(path=path, size=size, crc32=crc32)
        self._files.delete(path)
        raise self._abortion()

    def _check(self) -> None:
        if self._aborted:
            raise self._abortion()

    def _abortion(self) -> SnapshotAbortedError:
        return SnapshotAbortedError(f"the snapshot in {self._directory} was aborted")


class _Summed:
    """Passes chunks on, small ones together, and sums them up.

    :ivar crc32: of what was passed on.
    """

    def __init__(self, chunks: Iterable[bytes | memoryview], size: int, check: Callable[[], None]) -> None:
        self._chunks = chunks
        self._size = size
        self._check = check
        self.crc32 = 0

    def __iter__(self) -> Iterator[bytes | memoryview]:
        small = bytearray()
        for chunk in self._chunks:
            self._check()
            self.crc32 = zlib.crc32(chunk, self.crc32)
            if memoryview(chunk).nbytes < self._size:
                small += chunk
                if len(small) < self._size:
                    continue
                chunk = b""
            if small:
                yield bytes(small)
                small.clear()
            if chunk:
                yield chunk
        if small:
            yield bytes(small)
