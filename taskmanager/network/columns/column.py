"""What a column is, and the chunks of bytes that columns write and read."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

__all__ = ["MISFIT", "NULLS", "ChunkReader", "ChunkWriter", "Column", "MisfitError"]

NULLS: Final = 0x80
"""Set in a chunk's flag: a chunk that says which values are ``None`` comes before it."""

_COUNTS: Final = struct.Struct("<IH")
_NONE: Final = type(None)


class MisfitError(Exception):
    """A value cannot be packed. Which one is found out afterwards."""


MISFIT: Final = (MisfitError, TypeError, ValueError, OverflowError, AttributeError, struct.error)
"""What packing raises for a value that is not of the column's type."""


class ChunkWriter:
    """Collects the chunks of a block."""

    __slots__ = ("_chunks", "_flags")

    def __init__(self) -> None:
        self._flags: list[int] = []
        self._chunks: list[bytes] = []

    def add(self, flag: int, chunk: bytes) -> None:
        """:param flag: a byte that means something to the column's :meth:`Column.unpack`."""
        self._flags.append(flag)
        self._chunks.append(chunk)

    def mark(self) -> int:
        """Where the chunks end now."""
        return len(self._flags)

    def undo(self, mark: int) -> None:
        """Forget the chunks that were added since then."""
        del self._flags[mark:]
        del self._chunks[mark:]

    def finish(self, first_byte: int, count: int) -> bytes:
        """Return the block: ``u8 | u32 count | u16 chunks | u8 flag each | u32 length each | the chunks``."""
        chunks = self._chunks
        number = len(chunks)
        head = bytes((first_byte,)) + _COUNTS.pack(count, number) + bytes(self._flags)
        return b"".join((head, struct.pack(f"<{number}I", *map(len, chunks)), *chunks))


class ChunkReader:
    """Gives the chunks of a block in the order in which they were added."""

    __slots__ = ("_chunks", "_flags", "_next", "count")

    def __init__(self, block: memoryview) -> None:
        """:raises ValueError: the block is cut off."""
        try:
            self.count, number = _COUNTS.unpack_from(block, 1)
            start = 1 + _COUNTS.size
            self._flags = bytes(block[start : start + number])
            lengths = struct.unpack_from(f"<{number}I", block, start + number)
        except struct.error as error:
            raise ValueError(f"a typed block of {len(block)} bytes has no whole head: {error}") from None
        self._chunks: list[memoryview] = []
        position = start + 5 * number
        for length in lengths:
            self._chunks.append(block[position : position + length])
            position += length
        if position != len(block):
            raise ValueError(f"a typed block has {len(block)} bytes, its chunks {position}")
        self._next = 0

    def peek(self) -> int:
        """The flag of the next chunk."""
        return self._flags[self._next]

    def take(self) -> tuple[int, memoryview]:
        """The flag and the bytes of the next chunk."""
        index = self._next
        self._next = index + 1
        return self._flags[index], self._chunks[index]


class Column(ABC):
    """Packs the values of one field.

    :cvar kinds: the exact classes of the values; empty: any.
    """

    __slots__ = ("checked",)

    kinds: frozenset[type] = frozenset()

    def __init__(self, checked: bool) -> None:
        """:param checked: values may be anything, so their classes are looked at; else they have been converted to the
        column's type, and ``None`` among them is noticed by packing it.
        """
        self.checked = checked

    def pack(self, values: Sequence[Any], out: ChunkWriter) -> None:
        """Add the chunks of these values.

        :raises MisfitError: one of them is not of the column's type. All of :data:`MISFIT` means the same.
        """
        if self.checked:
            found = set(map(type, values))
            if found <= self.kinds:
                self.pack_dense(values, out, 0)
            elif found <= self.kinds | {_NONE}:
                self._pack_nullable(values, out)
            else:
                raise MisfitError
            return
        mark = out.mark()
        try:
            self.pack_dense(values, out, 0)
        except MISFIT:
            out.undo(mark)
            if all(value is not None for value in values):
                raise
            self._pack_nullable(values, out)

    def _pack_nullable(self, values: Sequence[Any], out: ChunkWriter) -> None:
        there = bytes([value is not None for value in values])
        out.add(NULLS, there)
        self.pack_dense([value for value in values if value is not None], out, NULLS)

    def unpack(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        """Return as many values as were packed."""
        if not chunks.peek() & NULLS:
            return self.unpack_dense(chunks, count)
        _, there = chunks.take()
        mask = there.tobytes()
        dense = iter(self.unpack_dense(chunks, sum(mask)))
        return [next(dense) if here else None for here in mask]

    @abstractmethod
    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        """:param flag: to be put into the first chunk's."""

    @abstractmethod
    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]: ...
