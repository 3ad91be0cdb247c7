"""A sink's files on this machine, or on what is mounted like that."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import IO

from millstream.common.file_system.sync_directory import sync_directory

__all__ = ["LocalPartStore"]

_BUFFER_SIZE = 64 * 1024


class LocalPartStore:
    """Implements :class:`~millstream.connectors.file_system.part_store.PartStore`."""

    resumable = True

    def create(self, path: str) -> _LocalPartStream:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return _LocalPartStream(path, open(path, "xb", _BUFFER_SIZE))  # the stream closes it

    def resume(self, path: str, size: int, new_path: str) -> _LocalPartStream:
        # A copy: a worker that was given up for dead may still write to the old file.
        with open(path, "rb") as old:
            found = os.fstat(old.fileno()).st_size
            if found < size:
                raise OSError(f"it has {found} bytes, but {size} had been written when the checkpoint was taken")
            file = open(new_path, "xb", _BUFFER_SIZE)  # noqa: SIM115  # the stream closes it
            try:
                shutil.copyfileobj(old, file)
                file.truncate(size)
                file.seek(size)
            except BaseException:
                file.close()
                os.unlink(new_path)
                raise
        return _LocalPartStream(new_path, file)

    def rename(self, source: str, target: str) -> bool:
        try:
            os.rename(source, target)
        except FileNotFoundError:
            return os.path.exists(target)
        return True

    def delete(self, path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # deleted before

    def sync(self, directories: set[str]) -> None:
        for directory in sorted(directories):
            sync_directory(directory)

    def hidden(self, base_path: str) -> Iterator[tuple[str, str]]:
        for directory, _, names in os.walk(base_path):
            for name in names:
                if name.startswith("."):
                    yield os.path.join(directory, name), name


class _LocalPartStream:
    __slots__ = ("_file", "_is_known", "_path", "write")

    def __init__(self, path: str, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        self._is_known = False
        self.write = file.write  # for each record: no call more than it takes

    def tell(self) -> int:
        return self._file.tell()

    def persist(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        if not self._is_known:
            sync_directory(os.path.dirname(self._path))
            self._is_known = True

    def finish(self) -> None:
        self.persist()
        self._file.close()

    def abandon(self) -> None:
        self._file.close()
