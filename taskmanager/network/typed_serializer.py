"""Blocks of records whose type is declared: packed by columns, and exactly what they were when they are unpacked.

Whatever a declared type says, a value never changes on its way: either the columns of the type hold it exactly, or the
whole block is pickled (an instance of a subclass of a declared dataclass, say), or it is not of the type, and the
failure says which value came from which operator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from millstream.common.graph.edge_type import EdgeType
from millstream.common.typeinfo import TypeMismatchError
from millstream.common.typeinfo.wire_form import packed_in_columns
from millstream.taskmanager.network.columns.column import MISFIT, ChunkReader, ChunkWriter
from millstream.taskmanager.network.columns.create import create_column
from millstream.taskmanager.network.value_serializer import (
    RecordDeserializationError,
    RecordSerializationError,
    ValueSerializer,
    deserialize_values,
    repr_of,
)

__all__ = [
    "BlockSerializer",
    "Deserialize",
    "TypedDeserializer",
    "TypedSerializer",
    "create_deserializer",
    "create_serializer",
]

_TYPED: Final = 1  # the first byte of a typed block; a pickle begins with 0x80
_BLOCKS_UNTIL_RETRY: Final = 64

Deserialize = Callable[[memoryview], list[Any]]


class BlockSerializer(Protocol):
    """Serialises the blocks of one stream."""

    def serialize(self, values: list[Any]) -> bytes:
        """Return the bytes of a list of values, which is not empty.

        :raises RecordSerializationError: one of them cannot be sent.
        """
        ...


class TypedSerializer:
    """Serialises the blocks of a stream whose type is declared."""

    __slots__ = ("_column", "_edge_type", "_general", "_pause")

    def __init__(self, edge_type: EdgeType) -> None:
        self._edge_type = edge_type
        self._column = create_column(edge_type.type_info, checked=not edge_type.converted)
        self._general = ValueSerializer()
        self._pause = 0  # so many blocks are pickled without trying the columns

    def serialize(self, values: list[Any]) -> bytes:
        """Return the bytes of a list of values.

        :raises RecordSerializationError: one of them is not of the type, or it holds an object that cannot be pickled.
        """
        if self._pause:
            self._pause -= 1
            return self._general.serialize(values)
        out = ChunkWriter()
        try:
            self._column.pack(values, out)
        except MISFIT as error:
            self._check(values, error)
            self._pause = _BLOCKS_UNTIL_RETRY
            return self._general.serialize(values)
        return out.finish(_TYPED, len(values))

    def _check(self, values: list[Any], cause: Exception | None = None) -> None:
        type_info = self._edge_type.type_info
        convert = type_info.conversion()
        for value in values:
            why = ""
            try:
                converted = convert(value)
                # Converting a FLOAT always gives a new object.
                if converted is value or (type(converted) is type(value) and repr(converted) == repr(value)):
                    continue
                why = f"it would become {repr_of(converted)}"
            except TypeMismatchError as error:
                why = str(error)
            raise RecordSerializationError(
                f"Operator {self._edge_type.operator!r} emitted {repr_of(value)} of type {type(value).__qualname__} "
                f"into a stream that is declared as {type_info}: {why}. Mend: emit values of the declared type, or "
                "declare another one."
            ) from cause


class TypedDeserializer:
    """Reads the blocks of a stream whose type is declared."""

    __slots__ = ("_column",)

    def __init__(self, edge_type: EdgeType) -> None:
        self._column = create_column(edge_type.type_info, checked=False)

    def deserialize(self, block: memoryview) -> list[Any]:
        """Return the list of values whose bytes :meth:`TypedSerializer.serialize` gave.

        :raises RecordDeserializationError: they are no block of this type.
        """
        if block[0] != _TYPED:
            return deserialize_values(block)
        try:
            chunks = ChunkReader(block)
            values = self._column.unpack(chunks, chunks.count)
        except (*MISFIT, IndexError) as error:
            raise RecordDeserializationError(
                f"A typed block of {len(block)} bytes cannot be read: {type(error).__name__}: {error}"
            ) from error
        if len(values) != chunks.count:
            raise RecordDeserializationError(f"A typed block has {len(values)} records and says {chunks.count}")
        return values if isinstance(values, list) else list(values)


def create_serializer(edge_type: EdgeType | None) -> BlockSerializer:
    """Return the serializer of an edge.

    :param edge_type: ``None``: any objects.
    """
    if edge_type is None or not packed_in_columns(edge_type.type_info):
        return ValueSerializer()
    return TypedSerializer(edge_type)


def create_deserializer(edge_type: EdgeType | None) -> Deserialize:
    """Return what reads the blocks of an edge."""
    if edge_type is None or not packed_in_columns(edge_type.type_info):
        return deserialize_values
    return TypedDeserializer(edge_type).deserialize
