"""Texts, and decimals as texts."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from millstream.taskmanager.network.columns.column import NULLS, ChunkReader, ChunkWriter, Column
from millstream.taskmanager.network.columns.number_columns import unpack_numbers

__all__ = ["DecimalColumn", "TextColumn"]

_SEPARATED, _COUNTED = 0, 1
_ENCODING: Final = ("utf-8", "surrogatepass")  # a str may hold lone surrogates


def _pack_texts(values: Sequence[str], out: ChunkWriter, flag: int) -> None:
    # One text with the others between separators: joined, encoded, decoded and split by one call each.
    joined = "\0".join(values)
    if joined.count("\0") == len(values) - 1:
        out.add(flag | _SEPARATED, joined.encode(*_ENCODING))
    else:
        out.add(flag | _COUNTED, struct.pack(f"<{len(values)}I", *map(len, values)))
        out.add(0, "".join(values).encode(*_ENCODING))


def _unpack_texts(chunks: ChunkReader, count: int) -> list[str]:
    flag, chunk = chunks.take()
    if flag & ~NULLS == _SEPARATED:
        return str(chunk, *_ENCODING).split("\0") if count else []
    _, content = chunks.take()
    joined = str(content, *_ENCODING)
    texts = []
    start = 0
    for length in unpack_numbers("I", chunk):
        end = start + length
        texts.append(joined[start:end])
        start = end
    return texts


class TextColumn(Column):
    """Texts."""

    __slots__ = ()

    kinds = frozenset({str})

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        _pack_texts(values, out, flag)

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        return _unpack_texts(chunks, count)


class DecimalColumn(Column):
    """Decimals: their text says all there is to them."""

    __slots__ = ()

    kinds = frozenset({Decimal})

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        _pack_texts(list(map(Decimal.__str__, values)), out, flag)

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        return list(map(Decimal, _unpack_texts(chunks, count)))
