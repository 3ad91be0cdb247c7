"""A part of a file, and how far it has been read."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

__all__ = ["DiscoveredFile", "FileSplit"]


def _open_plain(path: str) -> IO[bytes]:
    return open(path, "rb", buffering=0)


_COMPRESSED: dict[str, Callable[[str], Any]] = {
    ".gz": gzip.open,
    ".gzip": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}


@dataclass(frozen=True, slots=True)
class FileSplit:
    """The lines whose first byte is in a range of a file.

    :ivar start: where the range begins.
    :ivar end: where it ends; ``None``: with the file (compressed files, charsets that cannot be divided).
    :ivar resume: where the next line begins, if some were read before: its offset and how many lines after it were
        read too. In a file that is not divided the offset is always 0.
    """

    path: str
    start: int
    end: int | None
    resume: tuple[int, int] | None = None

    @staticmethod
    def is_compressed(path: str) -> bool:
        """Whether the file's name says that it is compressed."""
        return path.endswith(tuple(_COMPRESSED))

    def open(self) -> IO[bytes]:
        """Open the file, decompressed.

        :raises OSError: it cannot be opened; the message names it.
        """
        for suffix, opener in _COMPRESSED.items():
            if self.path.endswith(suffix):
                file: IO[bytes] = opener(self.path)
                return file
        return _open_plain(self.path)


@dataclass(frozen=True, slots=True)
class DiscoveredFile:
    """A file that a source has found and need not read again: a part of the state of one that goes on looking."""

    path: str
