"""What Millstream asks of a file system, whichever it is.

Paths are URIs, or plain local paths. All methods block: they are called from threads that may. Every failure is a
:class:`FileSystemError` that names the path and, where there is one, the mend; a missing file is a
``FileNotFoundError``.

A file is written under a temporary name, synced and renamed, or put in one piece where the store does that: nobody ever
sees half of it under its own name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from millstream.common.errors import MillstreamError

__all__ = ["AtomicOutput", "FileStatus", "FileSystem", "FileSystemError"]


class FileSystemError(MillstreamError):
    """A file system did not do what was asked of it."""


@dataclass(frozen=True, slots=True)
class FileStatus:
    """An entry of a directory.

    :ivar path: in the form in which the directory was named.
    :ivar modified_ms: 0 where the store does not say.
    """

    path: str
    name: str
    is_directory: bool
    size: int
    modified_ms: int


class AtomicOutput(Protocol):
    """A file that is being written; it appears under its name at :meth:`commit`, whole."""

    def write(self, data: bytes | memoryview) -> None: ...

    def commit(self) -> None:
        """Sync the file and give it its name, in place of an older one."""
        ...

    def discard(self) -> None:
        """Leave nothing of it behind. After a commit: nothing happens."""
        ...


class FileSystem(Protocol):
    """One kind of store, thread-safe."""

    def create(self, path: str) -> AtomicOutput:
        """Begin to write a file; directories on the way are made."""
        ...

    def write(self, path: str, chunks: Iterable[bytes | memoryview]) -> int:
        """Write a whole file and return its size."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open a file to read; it can seek."""
        ...

    def read(self, path: str) -> bytes: ...

    def upload(self, source: Path, path: str) -> int:
        """Copy a local file; the target is whole or not there. Returns its size."""
        ...

    def download(self, path: str, target: Path) -> int:
        """Copy to a local file. Returns its size."""
        ...

    def exists(self, path: str) -> bool: ...

    def list(self, path: str) -> list[FileStatus]:
        """The entries of a directory, by name; empty if there is no such directory."""
        ...

    def make_directories(self, path: str) -> None: ...

    def delete(self, path: str) -> None:
        """Delete a file; nothing if it is not there."""
        ...

    def delete_directory(self, path: str) -> None:
        """Delete a directory with all that is in it; nothing if it is not there."""
        ...

    def move(self, source: str, target: str) -> None:
        """Give a file another name, in place of an older one."""
        ...
