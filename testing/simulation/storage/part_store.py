"""A sink's files in a simulated store: a file that is in progress survives its writer as far as it was synced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from millstream.common.file_system import FileSystemError
from millstream.testing.simulation.storage.volume import StoredFile, Volume

if TYPE_CHECKING:
    from millstream.testing.simulation.storage.simulated_storage import SimulatedStorage

__all__ = ["SimulatedPartStore"]


class SimulatedPartStore:
    """Implements :class:`~millstream.connectors.file_system.part_store.PartStore`."""

    resumable = True

    def __init__(self, storage: SimulatedStorage, volume: Volume) -> None:
        self._storage = storage
        self._volume = volume

    def create(self, path: str) -> _PartStream:
        self._call("create", path, writes=True)
        if self._volume.exists(path):
            raise FileExistsError(f"{path} is there already")
        file = self._storage.new_file()
        self._volume.put(path, file)
        return _PartStream(self, path, file)

    def resume(self, path: str, size: int, new_path: str) -> _PartStream:
        self._call("read", path)
        content = self._volume.read(path)
        if len(content) < size:
            raise OSError(f"it has {len(content)} bytes, but {size} had been written when the checkpoint was taken")
        stream = self.create(new_path)
        stream.write(content[:size])
        return stream

    def rename(self, source: str, target: str) -> bool:
        self._call(f"rename to {target}", source)
        try:
            self._storage.move(self._volume, source, target)
        except FileNotFoundError:
            return self._volume.exists(target)
        self._done(f"rename to {target}", source)
        return True

    def delete(self, path: str) -> None:
        self._call("delete", path)
        self._volume.delete(path)
        self._done("delete", path)

    def sync(self, directories: set[str]) -> None:
        for directory in sorted(directories):
            self._call("sync", directory)

    def hidden(self, base_path: str) -> Iterator[tuple[str, str]]:
        for name, status in self._volume.entries(base_path).items():
            path = f"{base_path.rstrip('/')}/{name}"
            if status.is_directory:
                yield from self.hidden(path)
            elif name.startswith("."):
                yield path, name

    def persist(self, path: str, file: StoredFile) -> None:
        """Sync a file."""
        self._call("write", path, writes=True)
        file.synced = len(file.content)
        file.modified_ms = self._storage.now_ms

    def append(self, file: StoredFile, data: bytes | memoryview, path: str) -> None:
        """Write on; this is for each record, so it takes no time and does not fail."""
        self._storage.append(file, data, path)

    def closed(self, file: StoredFile) -> None:
        """Nobody writes to it any more."""
        self._storage.closed(file)

    def _call(self, action: str, path: str, *, writes: bool = False) -> None:
        try:
            self._storage.call(action, path, writes=writes)
        except FileSystemError as error:
            raise OSError(str(error)) from error

    def _done(self, action: str, path: str) -> None:
        try:
            self._storage.done(action, path)
        except FileSystemError as error:
            raise OSError(str(error)) from error


class _PartStream:
    def __init__(self, store: SimulatedPartStore, path: str, file: StoredFile) -> None:
        self._store = store
        self._path = path
        self._file = file

    def write(self, data: bytes | memoryview) -> int:
        self._store.append(self._file, data, self._path)
        return len(data) if isinstance(data, bytes) else data.nbytes

    def tell(self) -> int:
        return len(self._file.content)

    def persist(self) -> None:
        self._store.persist(self._path, self._file)

    def finish(self) -> None:
        self.persist()
        self._store.closed(self._file)

    def abandon(self) -> None:
        self._store.closed(self._file)
