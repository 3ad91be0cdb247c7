"""Batches and markers as the elements of a channel's byte stream.

A batch's body is ``u32 length of the timestamps' bytes | timestamps | values``; markers have small fixed layouts. The
kind byte of an element (see ``block_assembler``) says which.
"""

from __future__ import annotations

import pickle
import struct
import sys
from array import array
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from millstream.common.records import (
    CheckpointBarrier,
    Element,
    EndOfData,
    EndOfPartition,
    LatencyMarker,
    Marker,
    RecordBatch,
    Watermark,
    WatermarkStatus,
)
from millstream.taskmanager.network.block_assembler import HEADER_SIZE, MAX_ELEMENT_SIZE, element_header
from millstream.taskmanager.network.frames import ProtocolError
from millstream.taskmanager.network.typed_serializer import BlockSerializer, Deserialize
from millstream.taskmanager.network.value_serializer import (
    RecordSerializationError,
    ValueSerializer,
    deserialize_values,
)

__all__ = [
    "BARRIER_KIND",
    "END_OF_PARTITION_KIND",
    "barrier_id",
    "decode_barrier_element",
    "decode_element",
    "encode_block",
    "encode_elements",
    "encode_marker",
]

_BATCH: Final = 0  # no timestamps
_BATCH_TIMESTAMPS: Final = 1  # each record has one
_BATCH_SOME_TIMESTAMPS: Final = 2  # some are None
_WATERMARK, _STATUS, _BARRIER, _LATENCY, _END_OF_DATA, _END_OF_PARTITION = 16, 17, 18, 19, 20, 21

BARRIER_KIND: Final = _BARRIER
END_OF_PARTITION_KIND: Final = _END_OF_PARTITION

_U32: Final = struct.Struct(">I")
_I64: Final = struct.Struct(">q")
_BARRIER_BODY: Final = struct.Struct(">qq")
_LATENCY_BODY: Final = struct.Struct(">qi")
_LITTLE: Final = sys.byteorder == "little"


def encode_block(values: list[Any], timestamps: list[int | None] | None, serializer: BlockSerializer) -> list[bytes]:
    """Return the chunks of one element that holds these records.

    :raises RecordSerializationError: a record cannot be serialised, or the block is longer than 4 GB.
    """
    body = serializer.serialize(values)
    kind, times = (_BATCH, b"") if timestamps is None else _encode_timestamps(timestamps)
    size = len(body) + (len(times) + _U32.size if kind != _BATCH else 0)
    if size > MAX_ELEMENT_SIZE:
        raise RecordSerializationError(
            f"A block of {len(values)} records has {size} bytes; the most that can be sent at once is "
            f"{MAX_ELEMENT_SIZE}. Mend: emit smaller records."
        )
    if kind == _BATCH:
        return [element_header(kind, size), body]
    return [element_header(kind, size) + _U32.pack(len(times)), times, body]


def _encode_timestamps(timestamps: list[int | None]) -> tuple[int, bytes]:
    try:
        numbers = array("q", cast("list[int]", timestamps))  # None makes it raise: that is the test
    except TypeError:
        return _BATCH_SOME_TIMESTAMPS, pickle.dumps(timestamps, 5)
    if not _LITTLE:
        numbers.byteswap()
    return _BATCH_TIMESTAMPS, numbers.tobytes()


def _decode_timestamps(kind: int, data: memoryview) -> list[int | None]:
    if kind == _BATCH_SOME_TIMESTAMPS:
        some: list[int | None] = pickle.loads(data)
        return some
    numbers = array("q")
    numbers.frombytes(data)
    if not _LITTLE:
        numbers.byteswap()
    return numbers.tolist()  # type: ignore[return-value]  # a list of int is one of int | None to its only owner


def encode_marker(marker: Marker) -> bytes:
    """Return one element that holds the marker."""
    if isinstance(marker, Watermark):
        kind, body = _WATERMARK, _I64.pack(marker.timestamp)
    elif isinstance(marker, WatermarkStatus):
        kind, body = _STATUS, bytes([marker.idle])
    elif isinstance(marker, CheckpointBarrier):
        kind, body = _BARRIER, _BARRIER_BODY.pack(marker.checkpoint_id, marker.timestamp) + marker.options
    elif isinstance(marker, LatencyMarker):
        fixed = _LATENCY_BODY.pack(marker.marked_time, marker.subtask_index)
        kind, body = _LATENCY, fixed + marker.operator_id.encode()
    elif isinstance(marker, EndOfData):
        kind, body = _END_OF_DATA, bytes([marker.drain])
    else:
        kind, body = _END_OF_PARTITION, b""
    return element_header(kind, len(body)) + body


def encode_elements(elements: Iterable[Element]) -> list[bytes]:
    """Return the chunks of elements of a channel in the same slot, where they are not encoded otherwise.

    They are pickled whatever the edge's type is: :func:`decode_element` can tell.

    :raises RecordSerializationError: a record cannot be serialised.
    """
    serializer = ValueSerializer()
    chunks: list[bytes] = []
    for element in elements:
        if isinstance(element, RecordBatch):
            if element.values:
                chunks += encode_block(element.values, element.timestamps, serializer)
        else:
            chunks.append(encode_marker(element))
    return chunks


def barrier_id(body: bytes | memoryview) -> int:
    """Return the checkpoint of a barrier's body."""
    number: int = _I64.unpack_from(body)[0]
    return number


def decode_barrier_element(element: bytes) -> CheckpointBarrier:
    """Return the barrier that :func:`encode_marker` encoded.

    :raises ProtocolError: it is none.
    """
    if len(element) < HEADER_SIZE or element[HEADER_SIZE - 1] != _BARRIER:
        raise ProtocolError(f"an element of {len(element)} bytes is no barrier")
    barrier = decode_element(_BARRIER, memoryview(element)[HEADER_SIZE:])
    assert isinstance(barrier, CheckpointBarrier)  # its kind says so
    return barrier


def _decode_batch(kind: int, body: memoryview, deserialize: Deserialize) -> RecordBatch:
    if kind == _BATCH:
        return RecordBatch(deserialize(body))
    (size,) = _U32.unpack_from(body)
    values_start = _U32.size + size
    if values_start > len(body):
        raise ProtocolError(f"a batch of {len(body)} bytes says that its timestamps have {size}")
    timestamps = _decode_timestamps(kind, body[_U32.size : values_start])
    values = deserialize(body[values_start:])
    if len(values) != len(timestamps):
        raise ProtocolError(f"a batch has {len(values)} records and {len(timestamps)} timestamps")
    return RecordBatch(values, timestamps)


def _decode_barrier(body: memoryview) -> CheckpointBarrier:
    checkpoint_id, timestamp = _BARRIER_BODY.unpack_from(body)
    return CheckpointBarrier(checkpoint_id, timestamp, bytes(body[_BARRIER_BODY.size :]))


def _decode_latency_marker(body: memoryview) -> LatencyMarker:
    marked_time, subtask_index = _LATENCY_BODY.unpack_from(body)
    return LatencyMarker(marked_time, str(body[_LATENCY_BODY.size :], "utf-8"), subtask_index)


_MARKERS: Final[dict[int, Callable[[memoryview], Marker]]] = {
    _WATERMARK: lambda body: Watermark(*_I64.unpack(body)),
    _STATUS: lambda body: WatermarkStatus(body[0] != 0),
    _BARRIER: _decode_barrier,
    _LATENCY: _decode_latency_marker,
    _END_OF_DATA: lambda body: EndOfData(body[0] != 0),
    _END_OF_PARTITION: lambda _: EndOfPartition(),
}


def decode_element(kind: int, body: bytes | memoryview, deserialize: Deserialize = deserialize_values) -> Element:
    """Return the batch or marker of one element.

    :param deserialize: reads the records, as the edge's type asks for it.
    :raises ProtocolError: it is neither. Exceptions of the records' own classes pass through as they are.
    """
    if kind <= _BATCH_SOME_TIMESTAMPS:
        return _decode_batch(kind, memoryview(body), deserialize)
    decode = _MARKERS.get(kind)
    if decode is None:
        raise ProtocolError(f"unknown kind of element: {kind}")
    try:
        return decode(memoryview(body))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ProtocolError(f"a marker of kind {kind} is malformed: {error}") from error
