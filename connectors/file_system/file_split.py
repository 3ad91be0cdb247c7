"""A part of a file, and how far it has been read."""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

__all__ = ["FileSplit"]


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
    """The records whose first byte is in a range of a file.

    :ivar start: where the range begins.
    :ivar end: where it ends; ``None``: with the file (compressed files, formats that cannot be divided).
    :ivar resume: where the next record is, if some were read before: a place, as the format counts them, and how many
        records after it were read too.
    """

    path: str
    start: int
    end: int | None
    resume: tuple[int, int] | None = None

    @staticmethod
    def is_compressed(path: str) -> bool:
        """Whether the file's name says that it is compressed."""
        return path.endswith(tuple(_COMPRESSED))

    def cut(self, start: int, size: int) -> list[FileSplit]:
        """Parts of this one with ``size`` bytes each; all before ``start`` and as much after it is in the first one."""
        if self.end is None:
            return [self]
        borders = [self.start, *range(max(start, self.start) + size, self.end, size), self.end]
        return [
            FileSplit(self.path, begin, end, self.resume if begin == self.start else None)
            for begin, end in itertools.pairwise(borders)
        ]

    def open(self) -> IO[bytes]:
        """Open the file, decompressed.

        :raises OSError: it cannot be opened; the message names it.
        """
        for suffix, opener in _COMPRESSED.items():
            if self.path.endswith(suffix):
                file: IO[bytes] = opener(self.path)
                return file
        return _open_plain(self.path)
