"""A file system that fails as stores do: by a seed, at any step, before or after the step had its effect."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from millstream.common.file_system import AtomicOutput, FileStatus, FileSystem, FileSystemError
from millstream.common.file_system.outputs import write_all

__all__ = ["FaultyFileSystem", "HostKilledError"]


class HostKilledError(BaseException):
    """The process ends here; nothing after it runs, and no cleaning up has an effect."""


@dataclass(slots=True)
class FaultyFileSystem:
    """Passes calls on to ``inner``, each of which may fail.

    :ivar failures: the share of calls that raise; half of those after their effect, as an answer that is lost.
    :ivar kill_at: the number of the call, from 0, at which the process ends; ``None``: never. Later calls do nothing.
    :ivar torn: files that are half as long as they were written, in spite of all promises.
    :ivar lost: files that are gone after they were written.
    :ivar unlisted: the share of files that a listing does not show yet, though they are there.
    :ivar calls: what was asked, in order.
    """

    inner: FileSystem
    seed: int = 0
    failures: float = 0.0
    kill_at: int | None = None
    torn: float = 0.0
    lost: float = 0.0
    unlisted: float = 0.0
    calls: list[str] = field(default_factory=list)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def create(self, path: str) -> AtomicOutput:
        self._before("create", path)
        return _FaultyOutput(self, self.inner.create(path), path)

    def write(self, path: str, chunks: Iterable[bytes | memoryview]) -> int:
        return write_all(self.create(path), chunks)

    def open(self, path: str) -> BinaryIO:
        self._before("open", path)
        return self.inner.open(path)

    def read(self, path: str) -> bytes:
        self._before("read", path)
        return self.inner.read(path)

    def upload(self, source: Path, path: str) -> int:
        return self.write(path, [source.read_bytes()])

    def download(self, path: str, target: Path) -> int:
        self._before("download", path)
        return self.inner.download(path, target)

    def exists(self, path: str) -> bool:
        self._before("exists", path)
        return self.inner.exists(path)

    def list(self, path: str) -> list[FileStatus]:
        self._before("list", path)
        return [each for each in self.inner.list(path) if self._random.random() >= self.unlisted]

    def make_directories(self, path: str) -> None:
        self._before("make_directories", path)
        self.inner.make_directories(path)

    def delete(self, path: str) -> None:
        self._before("delete", path)
        self.inner.delete(path)
        self._after("delete", path)

    def delete_directory(self, path: str) -> None:
        self._before("delete_directory", path)
        self.inner.delete_directory(path)
        self._after("delete_directory", path)

    def move(self, source: str, target: str) -> None:
        self._before("move", source)
        self.inner.move(source, target)
        self._after("move", source)

    def committed(self, path: str) -> None:
        """Harm a file that was written, perhaps."""
        if self._random.random() < self.lost:
            self.inner.delete(path)
        elif self._random.random() < self.torn:
            data = self.inner.read(path)
            self.inner.write(path, [data[: len(data) // 2]])
        self._after("commit", path)

    @property
    def is_dead(self) -> bool:
        """The process has ended."""
        return self.kill_at is not None and len(self.calls) > self.kill_at

    def _before(self, call: str, path: str) -> None:
        if self.is_dead:
            raise HostKilledError
        self.calls.append(call)
        if self.is_dead:
            raise HostKilledError
        if self._random.random() < self.failures / 2:
            raise FileSystemError(f"cannot {call} {path}: injected")

    def _after(self, call: str, path: str) -> None:
        if self._random.random() < self.failures / 2:
            raise FileSystemError(f"cannot {call} {path}: injected, after it was done")


class _FaultyOutput:
    def __init__(self, owner: FaultyFileSystem, inner: AtomicOutput, path: str) -> None:
        self._owner = owner
        self._inner = inner
        self._path = path

    def write(self, data: bytes | memoryview) -> None:
        self._owner._before("output.write", self._path)
        self._inner.write(data)

    def commit(self) -> None:
        self._owner._before("commit", self._path)
        self._inner.commit()
        self._owner.committed(self._path)

    def discard(self) -> None:
        # A process that has ended discards nothing; the handle is closed all the same, as it would be.
        self._inner.discard()
