"""A sink's files in a store that is reached by a network, where a file cannot be gone on with.

A file is kept on the worker until it is complete, and stored as a whole under its hidden name, which makes it pending.
So it can be part of a checkpoint only when it is complete: each checkpoint ends all files.
"""

from __future__ import annotations

from collections.abc import Iterator

from millstream.common.file_system import AtomicOutput, FileSystem

__all__ = ["RemotePartStore"]


class RemotePartStore:
    """Implements :class:`~millstream.connectors.file_system.part_store.PartStore`."""

    resumable = False

    def __init__(self, file_system: FileSystem) -> None:
        self._file_system = file_system

    def create(self, path: str) -> _RemotePartStream:
        return _RemotePartStream(self._file_system.create(path))

    def resume(self, path: str, size: int, new_path: str) -> _RemotePartStream:
        output = self.create(new_path)
        try:
            with self._file_system.open(path) as old:
                left = size
                while left:
                    data = old.read(min(left, 1 << 20))
                    if not data:
                        raise OSError(f"it has {size - left} bytes, but {size} had been written at the checkpoint")
                    output.write(data)
                    left -= len(data)
        except BaseException:
            output.abandon()
            raise
        return output

    def rename(self, source: str, target: str) -> bool:
        try:
            self._file_system.move(source, target)
        except FileNotFoundError:
            return self._file_system.exists(target)
        return True

    def delete(self, path: str) -> None:
        self._file_system.delete(path)

    def sync(self, directories: set[str]) -> None:
        """Stores see to it themselves."""

    def hidden(self, base_path: str) -> Iterator[tuple[str, str]]:
        for entry in self._file_system.list(base_path):
            if entry.is_directory:
                yield from self.hidden(entry.path)
            elif entry.name.startswith("."):
                yield entry.path, entry.name


class _RemotePartStream:
    __slots__ = ("_output", "_size")

    def __init__(self, output: AtomicOutput) -> None:
        self._output = output
        self._size = 0

    def write(self, data: bytes | memoryview) -> int:
        self._output.write(data)
        size = len(data) if isinstance(data, bytes) else data.nbytes
        self._size += size
        return size

    def tell(self) -> int:
        return self._size

    def persist(self) -> None:
        raise NotImplementedError("a file in a remote store cannot be kept before it is complete")

    def finish(self) -> None:
        self._output.commit()

    def abandon(self) -> None:
        self._output.discard()
