"""What pickle is best for: objects of any kind, truths, bytes, dicts and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from millstream.taskmanager.network.columns.column import ChunkReader, ChunkWriter, Column
from millstream.taskmanager.network.value_serializer import ValueSerializer, deserialize_values

__all__ = ["ObjectColumn"]


class ObjectColumn(Column):
    """One pickle of all values of the block; an object that several of them hold stays one object.

    Pickle keeps whatever it is given, so nothing is checked.
    """

    __slots__ = ("_serializer",)

    def __init__(self) -> None:
        super().__init__(checked=False)
        self._serializer = ValueSerializer()

    def pack(self, values: Sequence[Any], out: ChunkWriter) -> None:
        self.pack_dense(values, out, 0)

    def pack_dense(self, values: Sequence[Any], out: ChunkWriter, flag: int) -> None:
        out.add(flag, self._serializer.serialize(list(values)) if values else b"")

    def unpack_dense(self, chunks: ChunkReader, count: int) -> Sequence[Any]:
        _, chunk = chunks.take()
        return deserialize_values(chunk) if count else []
