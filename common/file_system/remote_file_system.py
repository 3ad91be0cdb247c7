"""Stores that are reached by a network, by their driver in pyarrow.

A file is first kept here, in memory or beyond some size on the local disk: so an upload can be tried again, and one
that is given up leaves nothing behind. Object stores show an object when it is complete; elsewhere the file is uploaded
under a hidden name and renamed.
"""

from __future__ import annotations

import io
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from millstream.common.file_system.failures import missing, named_failure
from millstream.common.file_system.file_system import FileStatus, FileSystemError
from millstream.common.file_system.outputs import write_all
from millstream.common.file_system.retries import Retries
from millstream.common.file_system.uri import join, location, name_of

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo
    from pyarrow.fs import FileSystem as ArrowFileSystem

__all__ = ["RemoteFileSystem"]

_IN_MEMORY = 8 << 20
_COPY = 4 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RemoteFileSystem:
    """Implements :class:`~millstream.common.file_system.file_system.FileSystem`.

    :ivar driver: pyarrow's file system.
    :ivar root: what the driver calls the root of the URIs, such as the bucket.
    :ivar shows_whole: an object appears when it is complete.
    """

    driver: ArrowFileSystem
    root: str
    shows_whole: bool
    retries: Retries = field(default_factory=Retries)

    def create(self, path: str) -> _SpooledOutput:
        self._inner(path)
        return _SpooledOutput(self, path)

    def write(self, path: str, chunks: Iterable[bytes | memoryview]) -> int:
        return write_all(self.create(path), chunks)

    def open(self, path: str) -> BinaryIO:
        inner = self._inner(path)
        file = self._try("open", path, lambda: self.driver.open_input_file(inner))
        return cast(BinaryIO, io.BufferedReader(_ResumedInput(self, path, file), _COPY))

    def read(self, path: str) -> bytes:
        inner = self._inner(path)

        def read() -> bytes:
            with self.driver.open_input_file(inner) as file:
                return cast(bytes, file.read())

        return self._try("read", path, read)

    def upload(self, source: Path, path: str) -> int:
        with open(source, "rb") as file:
            return self.put(file, path)

    def download(self, path: str, target: Path) -> int:
        inner = self._inner(path)

        def download() -> int:
            with self.driver.open_input_file(inner) as file, open(target, "wb") as copy:
                shutil.copyfileobj(file, copy, _COPY)
                return copy.tell()

        try:
            return self._try(f"copy to {target} the file", path, download)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def exists(self, path: str) -> bool:
        return not _is_missing(self._info("look for", path))

    def list(self, path: str) -> list[FileStatus]:
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self._inner(path), allow_not_found=True)
        found = self._try("list", path, lambda: self.driver.get_file_info(selector))
        entries = [
            FileStatus(
                path=join(path, info.base_name),
                name=info.base_name,
                is_directory=info.type == FileType.Directory,
                size=info.size or 0,
                modified_ms=0 if info.mtime_ns is None else info.mtime_ns // 1_000_000,
            )
            for info in found
            if info.base_name  # some stores have an empty object where a directory was made
        ]
        return sorted(entries, key=lambda status: status.name)

    def make_directories(self, path: str) -> None:
        inner = self._inner(path)
        if inner.strip("/"):
            self._try("make the directory", path, lambda: self.driver.create_dir(inner, recursive=True))

    def delete(self, path: str) -> None:
        if _is_missing(self._info("delete", path)):
            return
        inner = self._inner(path)
        try:
            self._try("delete", path, lambda: self.driver.delete_file(inner))
        except FileNotFoundError:
            pass  # somebody else was faster, or the try before was better than its answer

    def delete_directory(self, path: str) -> None:
        inner = self._inner(path)
        if not inner.strip("/"):
            raise FileSystemError(f"{path} is the root of a store and is not deleted as a directory")
        if _is_missing(self._info("delete the directory", path)):
            return
        try:
            self._try("delete the directory", path, lambda: self.driver.delete_dir(inner))
        except FileNotFoundError:
            pass  # as above

    def move(self, source: str, target: str) -> None:
        if _is_missing(self._info("move", source)):
            raise missing(source)
        self.make_parent(target)
        self.rename(self._inner(source), target, f"move to {target} the file", source)

    def put(self, source: BinaryIO, path: str) -> int:
        """Store what a local file holds, from its beginning, under a name; whole or not at all. Returns its size."""
        self.make_parent(path)
        target = self._inner(path)
        directory, slash, name = target.rpartition("/")
        inner = target if self.shows_whole else f"{directory}{slash}.{name}.{secrets.token_hex(4)}.tmp"
        try:
            size = self._try("write", path, lambda: self._send(source, inner))
            if inner != target:
                self.rename(inner, path, "write", path)
        except BaseException:
            if inner != target:  # else what is there is the older one
                self._remove(inner)
            raise
        return size

    def rename(self, inner: str, target: str, action: str, path: str) -> None:
        """Give a file another name.

        Where the name is taken some stores refuse: then, and only then, the older file goes away before.
        """
        new = self._inner(target)
        tries = 0

        def rename() -> None:
            nonlocal tries
            tries += 1
            if tries > 1:
                if _is_missing(self._info_of(inner)) and not _is_missing(self._info_of(new)):
                    return  # the try before was better than its answer
                if not _is_missing(self._info_of(new)):
                    self.driver.delete_file(new)
            self.driver.move(inner, new)

        self._try(action, path, rename)

    def make_parent(self, path: str) -> None:
        """Make the directory of a path; stores that have none do nothing."""
        name_of(path)
        directory = self._inner(path).rpartition("/")[0]

        def make() -> None:
            if _is_missing(self._info_of(directory)):
                self.driver.create_dir(directory, recursive=True)

        if not self.shows_whole and directory.strip("/"):
            self._try("make the directory of", path, make)

    def reopen(self, path: str) -> Any:
        """Open a file once; for reading streams that go on after an error."""
        return self.driver.open_input_file(self._inner(path))

    def _send(self, source: BinaryIO, inner: str) -> int:
        source.seek(0)
        with self.driver.open_output_stream(inner) as stream:
            shutil.copyfileobj(source, stream, _COPY)
        return source.tell()

    def _remove(self, inner: str) -> None:
        """Leave nothing of a failed upload behind, if the store lets that be done; the first error counts."""
        try:
            if not _is_missing(self._info_of(inner)):
                self.driver.delete_file(inner)
        except OSError:
            pass

    def _info(self, action: str, path: str) -> FileInfo:
        inner = self._inner(path)
        return self._try(action, path, lambda: self._info_of(inner))

    def _info_of(self, inner: str) -> FileInfo:
        return cast("FileInfo", self.driver.get_file_info([inner])[0])

    def _try(self, action: str, path: str, operation: Callable[[], T]) -> T:
        with named_failure(action, path):
            return self.retries.run(operation)

    def _inner(self, path: str) -> str:
        """The driver's name of a path."""
        where = location(path)
        steps = where.path.strip("/").split("/")
        if any(step in (".", "..") for step in steps):
            raise FileSystemError(f"{path}: a URI cannot have steps such as . and ..")
        below = "/".join(step for step in steps if step)
        return f"{self.root.rstrip('/')}/{below}" if self.root else below


def _is_missing(info: FileInfo) -> bool:
    from pyarrow.fs import FileType

    return bool(info.type == FileType.NotFound)


class _SpooledOutput:
    """A file that is kept here until it is complete."""

    def __init__(self, file_system: RemoteFileSystem, path: str) -> None:
        self._file_system = file_system
        self._path = path
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed by commit or discard

    def write(self, data: bytes | memoryview) -> None:
        with named_failure("keep on the local disk, before it is uploaded, the file", self._path):
            self._file.write(data)

    def commit(self) -> None:
        self._file_system.put(cast(BinaryIO, self._file), self._path)
        self._file.close()

    def discard(self) -> None:
        self._file.close()


class _ResumedInput(io.RawIOBase):
    """Reads a file, and goes on where it was when the connection breaks."""

    def __init__(self, file_system: RemoteFileSystem, path: str, file: Any) -> None:
        self._file_system = file_system
        self._path = path
        self._file: Any = file
        self._size: int = file.size()
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"{self._path}: cannot seek to {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        def read() -> bytes:
            try:
                if self._file is None:
                    self._file = self._file_system.reopen(self._path)
                self._file.seek(self._position)
                return cast(bytes, self._file.read(len(buffer)))
            except OSError:
                self._drop()
                raise

        if self._position >= self._size:
            return 0
        with named_failure("read", self._path):
            data = self._file_system.retries.run(read)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _drop(self) -> None:
        file, self._file = self._file, None
        try:
            if file is not None:
                file.close()
        except OSError:
            pass  # it was only read
