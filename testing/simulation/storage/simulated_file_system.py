"""A simulated store as a file system: what is committed is there whole, what is not is hidden, and gone or torn.

Files are written under a hidden name and renamed, as on a local disk: a process that dies midway leaves the hidden
file behind.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from millstream.common.file_system import FileStatus, FileSystemError, join
from millstream.common.file_system.failures import missing
from millstream.common.file_system.outputs import write_all
from millstream.common.file_system.uri import absolute, local_path, location
from millstream.testing.simulation.storage.part_store import SimulatedPartStore
from millstream.testing.simulation.storage.volume import Volume

if TYPE_CHECKING:
    from millstream.testing.simulation.storage.simulated_storage import SimulatedStorage

__all__ = ["OverlayFileSystem", "SimulatedFileSystem"]


class SimulatedFileSystem:
    """The :class:`~millstream.common.file_system.file_system.FileSystem` of ``sim:``."""

    def __init__(self, storage: SimulatedStorage, volume: Volume) -> None:
        self._storage = storage
        self._volume = volume

    def create(self, path: str) -> _Output:
        return _Output(self._storage, self._volume, path, self._inner(path))

    def write(self, path: str, chunks: Iterable[bytes | memoryview]) -> int:
        return write_all(self.create(path), chunks)

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self.read(path))

    def read(self, path: str) -> bytes:
        self._storage.call("read", path)
        self._storage.look(path)
        try:
            return self._volume.read(self._inner(path))
        except FileNotFoundError:
            raise missing(path) from None

    def upload(self, source: Path, path: str) -> int:
        return self.write(path, [source.read_bytes()])

    def download(self, path: str, target: Path) -> int:
        return target.write_bytes(self.read(path))

    def exists(self, path: str) -> bool:
        self._storage.call("look for", path)
        return self._volume.exists(self._inner(path))

    def list(self, path: str) -> list[FileStatus]:
        self._storage.call("list", path)
        inner = self._inner(path)
        return [
            FileStatus(join(path, name), name, status.is_directory, status.size, status.modified_ms)
            for name, status in self._volume.entries(inner).items()
            if self._storage.lists(self._volume.file(f"{inner.rstrip('/')}/{name}"))
        ]

    def make_directories(self, path: str) -> None:
        self._storage.call("make the directory", path, writes=True)
        self._volume.make_directories(self._inner(path))
        self._storage.done("make the directory", path)

    def delete(self, path: str) -> None:
        self._storage.call("delete", path)
        self._volume.delete(self._inner(path))
        self._storage.done("delete", path)

    def delete_directory(self, path: str) -> None:
        inner = self._inner(path)
        if inner == "/":
            raise FileSystemError(f"{path} is the root of a store and is not deleted as a directory")
        self._storage.call("delete the directory", path)
        self._volume.delete_directory(inner)
        self._storage.done("delete the directory", path)

    def move(self, source: str, target: str) -> None:
        self._storage.call(f"move to {target} the file", source)
        try:
            self._storage.move(self._volume, self._inner(source), self._inner(target))
        except FileNotFoundError:
            raise missing(source) from None
        self._storage.done(f"move to {target} the file", source)

    def _inner(self, path: str) -> str:
        steps = location(path).path.split("/")
        if any(step in (".", "..") for step in steps):
            raise FileSystemError(f"{path}: a URI cannot have steps such as . and ..")
        return "/" + "/".join(step for step in steps if step)


class OverlayFileSystem(SimulatedFileSystem):
    """That of ``file:`` and plain paths."""

    def part_store(self) -> SimulatedPartStore:
        """Return where a sink's files are, which can be gone on with."""
        return SimulatedPartStore(self._storage, self._volume)

    def _inner(self, path: str) -> str:
        return absolute(local_path(path))


class _Output:
    """A file under a hidden name."""

    def __init__(self, storage: SimulatedStorage, volume: Volume, path: str, target: str) -> None:
        self._storage = storage
        self._volume = volume
        self._path = path
        self._target = target
        directory, _, name = target.rpartition("/")
        self._hidden = f"{directory}/.{name}.{storage.token()}.tmp"
        self._done = False
        storage.call("create", path, writes=True)
        self._file = storage.new_file()
        volume.put(self._hidden, self._file)

    def write(self, data: bytes | memoryview) -> None:
        self._storage.call("write", self._path, writes=True)
        self._storage.append(self._file, data, self._path)

    def commit(self) -> None:
        self._storage.call("write", self._path, writes=True)
        self._file.synced = len(self._file.content)
        self._file.modified_ms = self._storage.now_ms
        self._storage.closed(self._file)
        self._storage.move(self._volume, self._hidden, self._target)
        self._done = True
        self._storage.done("write", self._path)

    def discard(self) -> None:
        if self._done or self._storage.is_dead():
            return
        self._done = True
        self._storage.closed(self._file)
        self._volume.delete(self._hidden)
