"""Numbers."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Any, Final

from millstream.taskmanager.network.columns.column import NULLS, ChunkReader, ChunkWriter, Column, MisfitError

__all__ = ["FloatColumn", "IntegerColumn", "unpack_numbers"]

_LITTLE: Final = sys.byteorder == "little"
_CODES: Final = "bhiq"  # by width: 1, 2, 4, 8 bytes
_DIGITS: Final = 4
_BLOCKS_UNTIL_RETRY: Final = 64


def unpack_numbers(code: str, chunk: memoryview) -> list[Any]:
    """Return the numbers of a little-endian chunk."""
    numbers = array(code)
    numbers.frombytes(chunk)
    if not _LITTLE:
        numbers.byteswap()
    return numbers.tolist()


class IntegerColumn(Column):
    """Ints of at most so many bits, in the fewest bytes that hold all of the block: the flag says how many.

    Ints beyond 64 bits are written as text where the column has no limit.
    """

    __slots__ = ("_bits", "_blocks", "_widest", "_width")

    kinds = frozenset({int})

    def __init__(self, checked: bool, bits: int | None) -> None:
        super().__init__(checked)
        self._bits = bits
        self._widest = 3 if bits is None else {8: 0, 16: 1, 32: 2, 64: 3}[bits]
        self._width = min(1, self._widest)  # where the search starts: what the last blocks needed
        self._blocks = 0

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        self._blocks += 1
        narrowest = min(1, self._widest) if self._blocks % _BLOCKS_UNTIL_RETRY == 0 else self._width
        for width in range(narrowest, self._widest + 1):
            try:
                chunk = struct.pack(f"<{len(values)}{_CODES[width]}", *values)
            except struct.error:
                continue
            self._width = width
            out.add(flag | width, chunk)
            return
        if self._bits is not None or set(map(type, values)) != self.kinds:
            raise MisfitError
        out.add(flag | _DIGITS, " ".join(map(str, values)).encode())

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        flag, chunk = chunks.take()
        width = flag & ~NULLS
        if width == _DIGITS:
            return list(map(int, str(chunk, "ascii").split()))
        return unpack_numbers(_CODES[width], chunk)


class FloatColumn(Column):
    """Floats: 8 bytes each, or 4 where that is declared and changes none of the block."""

    __slots__ = ("_single",)

    kinds = frozenset({float})

    def __init__(self, checked: bool, *, single: bool) -> None:
        super().__init__(checked)
        self._single = single

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        if self._single:
            layout = f"<{len(values)}f"
            try:
                chunk = struct.pack(layout, *values)
            except OverflowError:
                chunk = b""
            if chunk and list(struct.unpack(layout, chunk)) == list(values):  # false for NaN too: its bits are kept
                out.add(flag | 1, chunk)
                return
        out.add(flag, struct.pack(f"<{len(values)}d", *values))

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        flag, chunk = chunks.take()
        return unpack_numbers("f" if flag & 1 else "d", chunk)
