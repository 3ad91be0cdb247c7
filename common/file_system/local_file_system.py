"""The file system of this host, and whatever is mounted in it.

A file is written beside its target under a hidden name, synced and renamed; then the directory is synced, so that
after a crash of the host the file is there, whole, once its writer was told so.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from millstream.common.file_system.failures import missing, named_failure
from millstream.common.file_system.file_system import FileStatus
from millstream.common.file_system.outputs import write_all
from millstream.common.file_system.sync_directory import sync_directory
from millstream.common.file_system.uri import join, local_path

__all__ = ["LocalFileSystem"]

_BUFFER = 1 << 16
_COPY = 1 << 20


class LocalFileSystem:
    """Implements :class:`~millstream.common.file_system.file_system.FileSystem`."""

    def create(self, path: str) -> _LocalOutput:
        return _LocalOutput(path)

    def write(self, path: str, chunks: Iterable[bytes | memoryview]) -> int:
        return write_all(self.create(path), chunks)

    def open(self, path: str) -> BinaryIO:
        with named_failure("open", path):
            return open(local_path(path), "rb")

    def read(self, path: str) -> bytes:
        with named_failure("read", path), open(local_path(path), "rb") as file:
            return file.read()

    def upload(self, source: Path, path: str) -> int:
        with open(source, "rb") as file:
            return self.write(path, iter(partial(file.read, _COPY), b""))

    def download(self, path: str, target: Path) -> int:
        with named_failure(f"copy to {target} the file", path), open(local_path(path), "rb") as file:
            try:
                with open(target, "wb") as copy:
                    shutil.copyfileobj(file, copy, _COPY)
                    return copy.tell()
            except BaseException:
                target.unlink(missing_ok=True)
                raise

    def exists(self, path: str) -> bool:
        with named_failure("look for", path):
            return os.path.exists(local_path(path))

    def list(self, path: str) -> list[FileStatus]:
        found = []
        try:
            with named_failure("list", path), os.scandir(local_path(path)) as entries:
                for entry in entries:
                    try:
                        stat = entry.stat()
                    except FileNotFoundError:
                        continue  # deleted meanwhile, or a link to nothing
                    found.append(
                        FileStatus(
                            path=join(path, entry.name),
                            name=entry.name,
                            is_directory=entry.is_dir(),
                            size=stat.st_size,
                            modified_ms=stat.st_mtime_ns // 1_000_000,
                        )
                    )
        except FileNotFoundError:
            return []
        return sorted(found, key=lambda status: status.name)

    def make_directories(self, path: str) -> None:
        with named_failure("make the directory", path):
            _make_directories(local_path(path))

    def delete(self, path: str) -> None:
        try:
            with named_failure("delete", path):
                os.unlink(local_path(path))
        except FileNotFoundError:
            pass  # as it shall be

    def delete_directory(self, path: str) -> None:
        local = local_path(path)
        with named_failure("delete the directory", path):
            while os.path.lexists(local):
                try:
                    shutil.rmtree(local)
                except FileNotFoundError:
                    pass  # somebody else deletes in it too: what is left is seen in the next round

    def move(self, source: str, target: str) -> None:
        with named_failure(f"move to {target} the file", source):
            local = local_path(target)
            if not os.path.exists(local_path(source)):
                raise missing(source)
            _make_directories(os.path.dirname(local) or ".")
            os.replace(local_path(source), local)
            sync_directory(os.path.dirname(local) or ".")


class _LocalOutput:
    """A file under a hidden name."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._target = local_path(path)
        self._directory, name = os.path.split(self._target)
        self._directory = self._directory or "."
        self._hidden = os.path.join(self._directory, f".{name}.{secrets.token_hex(4)}.tmp")
        self._done = False
        with named_failure("create", path):
            _make_directories(self._directory)
            self._file = open(self._hidden, "xb", _BUFFER)  # noqa: SIM115  # closed by commit or discard

    def write(self, data: bytes | memoryview) -> None:
        with named_failure("write", self._path):
            self._file.write(data)

    def commit(self) -> None:
        with named_failure("write", self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._hidden, self._target)
            self._done = True
            sync_directory(self._directory)

    def discard(self) -> None:
        if self._done:
            return
        self._done = True
        try:
            self._file.close()
        except OSError:
            pass  # the rest of the buffer does not fit either: the file goes away in any case
        with named_failure("delete", self._path):
            Path(self._hidden).unlink(missing_ok=True)


def _make_directories(local: str) -> None:
    """Make a directory and those on the way, each of them on the disk before the next."""
    if os.path.isdir(local):
        return
    above = os.path.dirname(local.rstrip("/")) or "."
    _make_directories(above)
    try:
        os.mkdir(local)
    except FileExistsError:
        if not os.path.isdir(local):
            raise
    sync_directory(above)
