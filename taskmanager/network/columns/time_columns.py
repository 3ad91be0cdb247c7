"""Dates, times, timestamps and instants."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from millstream.common.time import Instant
from millstream.taskmanager.network.columns.column import ChunkReader, ChunkWriter, Column
from millstream.taskmanager.network.columns.number_columns import unpack_numbers

__all__ = ["DateColumn", "InstantColumn", "TimeColumn"]


class DateColumn(Column):
    """Dates as the number of their day."""

    __slots__ = ()

    kinds = frozenset({dt.date})

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        out.add(flag, struct.pack(f"<{len(values)}i", *map(dt.date.toordinal, values)))

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        _, chunk = chunks.take()
        return list(map(dt.date.fromordinal, unpack_numbers("i", chunk)))


class TimeColumn(Column):
    """Times or timestamps without a zone, as the bytes that Python itself pickles them with."""

    __slots__ = ("_class", "_size")

    def __init__(self, checked: bool, kind: type[dt.time | dt.datetime]) -> None:
        super().__init__(checked)
        self._class: Any = kind
        self._size = 10 if kind is dt.datetime else 6

    @property
    def kinds(self) -> frozenset[type]:  # type: ignore[override]  # that of this column, not of its class
        return frozenset({self._class})

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        # With a zone there are two parts, which the unpacking refuses.
        out.add(flag, b"".join([part for value in values for (part,) in (value.__reduce_ex__(5)[1],)]))

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        _, chunk = chunks.take()
        content, size, make = chunk.tobytes(), self._size, self._class
        return [make(content[start : start + size]) for start in range(0, len(content), size)]


class InstantColumn(Column):
    """Instants: seconds and nanoseconds."""

    __slots__ = ()

    kinds = frozenset({Instant})

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        out.add(flag, struct.pack(f"<{len(values)}q", *map(attrgetter("seconds"), values)))
        out.add(0, struct.pack(f"<{len(values)}i", *map(attrgetter("nanos"), values)))

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        _, seconds = chunks.take()
        _, nanos = chunks.take()
        return list(map(Instant, unpack_numbers("q", seconds), unpack_numbers("i", nanos)))
