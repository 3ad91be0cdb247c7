"""How many records make a block of about one buffer.

Larger blocks would wait longer and be held longer than a buffer; smaller ones cost more per record. Pure.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BlockSizer"]

_MOST_RECORDS: Final = 512  # a block's objects should fit into a core's cache while it is worked on
_FIRST_RECORDS: Final = 64


class BlockSizer:
    """Follows the size of a stream's records."""

    __slots__ = ("_bytes_per_record", "_target", "records")

    def __init__(self, buffer_size: int) -> None:
        # A little less than a buffer, so that blocks of slightly longer records still fit into one.
        self._target = buffer_size * 15 // 16
        self._bytes_per_record = 0.0
        self.records = _FIRST_RECORDS
        """Records to put into the next block."""

    def encoded(self, records: int, size: int) -> None:
        """A block of ``records`` records took ``size`` bytes."""
        measured = size / records
        if measured > self._bytes_per_record:
            self._bytes_per_record = measured  # grow at once: a block that is too long costs memory
        else:
            self._bytes_per_record += (measured - self._bytes_per_record) / 8
        grown = max(1, min(_MOST_RECORDS, int(self._target / self._bytes_per_record)))
        # Few records say little about those to come.
        self.records = min(grown, max(self.records, records) * 4)
