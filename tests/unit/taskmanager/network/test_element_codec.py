"""Batches and markers survive the way over the network unchanged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import (
    CheckpointBarrier,
    Element,
    EndOfData,
    EndOfPartition,
    LatencyMarker,
    RecordBatch,
    Watermark,
    WatermarkStatus,
)
from millstream.taskmanager.network.block_assembler import BlockAssembler
from millstream.taskmanager.network.element_codec import decode_element, encode_block, encode_marker
from millstream.taskmanager.network.frames import ProtocolError
from millstream.taskmanager.network.value_serializer import ValueSerializer

_I64 = st.integers(-(2**63), 2**63 - 1)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda values: st.lists(values) | st.tuples(values, values) | st.dictionaries(st.text(), values),
    max_leaves=8,
)
_MARKERS = st.one_of(
    st.builds(Watermark, _I64),
    st.builds(WatermarkStatus, st.booleans()),
    st.builds(CheckpointBarrier, _I64, _I64, st.binary(max_size=20)),
    st.builds(LatencyMarker, _I64, st.text("abcdef0123456789", max_size=32), st.integers(-1, 1000)),
    st.builds(EndOfData, st.booleans()),
    st.just(EndOfPartition()),
)


def _round_trip(encoded: bytes) -> Element:
    assembler = BlockAssembler()
    assembler.feed(encoded)
    element = decode_element(*assembler.next_element())
    assembler.end()
    return element


@given(st.lists(_VALUES, min_size=1, max_size=20), st.data())
def test_batches_come_back(values: list[Any], data: st.DataObject) -> None:
    count = len(values)
    times = data.draw(st.none() | st.lists(_I64 | st.none(), min_size=count, max_size=count))
    encoded = b"".join(encode_block(values, times, ValueSerializer()))
    decoded = _round_trip(encoded)
    assert isinstance(decoded, RecordBatch)
    assert decoded == RecordBatch(values, times)
    assert [type(value) for value in decoded.values] == [type(value) for value in values]


@given(_MARKERS)
def test_markers_come_back(marker: Any) -> None:
    assert _round_trip(encode_marker(marker)) == marker


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (15, b"", "unknown kind of element: 15"),
        (16, b"short", "marker of kind 16 is malformed"),
        (17, b"", "marker of kind 17 is malformed"),
        (1, b"\0\0\0\xff", "timestamps have 255"),
    ],
)
def test_malformed_elements_are_errors(kind: int, body: bytes, message: str) -> None:
    with pytest.raises(ProtocolError, match=message):
        decode_element(kind, body)


def test_each_record_needs_its_timestamp() -> None:
    header, _, body = encode_block([1, 2], [5, 6], ValueSerializer())
    _, one_time, _ = encode_block([1], [5], ValueSerializer())
    assert len(header) == 9
    with pytest.raises(ProtocolError, match="2 records and 1 timestamps"):
        decode_element(1, b"\0\0\0\x08" + one_time + body)
