"""What a format makes of a part of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Chunk", "FormatReader"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records that were read at once, and where they are, so that a reader can go on behind any of them.

    :ivar offset: a place in the file from which a reader can begin to read; what it counts is the format's business.
    :ivar records_before: how many records after that place come before the first of these.
    """

    records: list[Any]
    offset: int
    records_before: int


class FormatReader(Protocol):
    """Reads one :class:`~millstream.connectors.file_system.file_split.FileSplit`. May raise any error."""

    def read(self) -> Chunk | None:
        """The next records (at least one); ``None``: there are none left."""
        ...

    def close(self) -> None: ...

    def read_up_to(self) -> int | None:
        """A place, in bytes, before which every record that begins there was given; ``None``: it cannot be told."""
        ...
