"""What a sink asks of the place where its files are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

__all__ = ["PartStore", "PartStoreOwner", "PartStream"]


class PartStream(Protocol):
    """A file that is being written."""

    def write(self, data: bytes | memoryview) -> int: ...

    def tell(self) -> int:
        """How many bytes were written."""
        ...

    def persist(self) -> None:
        """See on the disk what was written so far, and that the file is there."""
        ...

    def finish(self) -> None:
        """End the file, and see it on the disk."""
        ...

    def abandon(self) -> None:
        """Let go of the file as it is. It may be left behind, or not. After :meth:`finish`: nothing happens."""
        ...


class PartStore(Protocol):
    """A file system, local or remote. Failures are an ``OSError`` that names the file.

    :ivar resumable: a file that is being written survives the worker, and can be gone on with.
    """

    resumable: bool

    def create(self, path: str) -> PartStream:
        """Begin a new file; directories on the way are made."""
        ...

    def resume(self, path: str, size: int, new_path: str) -> PartStream:
        """Begin a new file with the first bytes of another one, which stays as it is."""
        ...

    def rename(self, source: str, target: str) -> bool:
        """Give a file its real name; returns whether it has it, now or since before. ``False``: neither is there."""
        ...

    def delete(self, path: str) -> None:
        """Delete a file; nothing if it is not there."""
        ...

    def sync(self, directories: set[str]) -> None:
        """See new names in these directories on the disk."""
        ...

    def hidden(self, base_path: str) -> Iterator[tuple[str, str]]:
        """Path and name of the files below whose names begin with a dot."""
        ...


@runtime_checkable
class PartStoreOwner(Protocol):
    """A file system that lets files be gone on with, in a way of its own."""

    def part_store(self) -> PartStore: ...
