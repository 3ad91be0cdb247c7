"""Files of high availability: what was written is read, and nothing else ever is."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.high_availability.zookeeper.data_frame import DataKind, UnreadableDataError, decode, encode

PATH = "file:///ha/job-graphs/x"


def whole(kind: DataKind, payload: bytes) -> tuple[bytes, str]:
    chunks, checksum = encode(kind, payload)
    return b"".join(chunks), checksum


@given(kind=st.sampled_from(DataKind), payload=st.binary(max_size=200))
def test_what_was_written_is_read(kind: DataKind, payload: bytes) -> None:
    data, checksum = whole(kind, payload)
    assert decode(kind, data, PATH, checksum) == payload


@given(payload=st.binary(max_size=40), draw=st.data())
def test_a_file_that_is_cut_off_or_longer_is_noticed(payload: bytes, draw: st.DataObject) -> None:
    data, checksum = whole(DataKind.JOB_GRAPH, payload)
    length = draw.draw(st.integers(0, len(data) + 5).filter(lambda size: size != len(data)))
    with pytest.raises(UnreadableDataError, match=PATH):
        decode(DataKind.JOB_GRAPH, (data + b"12345")[:length], PATH, checksum)


@given(payload=st.binary(max_size=40), draw=st.data())
def test_each_changed_bit_is_noticed(payload: bytes, draw: st.DataObject) -> None:
    data, checksum = whole(DataKind.JOB_GRAPH, payload)
    bit = draw.draw(st.integers(0, len(data) * 8 - 1))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(UnreadableDataError, match="cannot be read"):
        decode(DataKind.JOB_GRAPH, bytes(changed), PATH, checksum)


def test_errors_say_what_is_wrong_and_what_to_do() -> None:
    data, checksum = whole(DataKind.JOB_GRAPH, b"graph")
    with pytest.raises(UnreadableDataError, match=r"it is empty; put the file back from a copy"):
        decode(DataKind.JOB_GRAPH, b"", PATH, checksum)
    with pytest.raises(UnreadableDataError, match=r"no file of Millstream's high availability"):
        decode(DataKind.JOB_GRAPH, b"PK\x03\x04" + data, PATH, checksum)
    with pytest.raises(UnreadableDataError, match=r"torn: it has 58 bytes instead of 61"):
        decode(DataKind.JOB_GRAPH, data[:-3], PATH, checksum)
    with pytest.raises(UnreadableDataError, match=r"job result in .* holds something else \(GRPH\)"):
        decode(DataKind.JOB_RESULT, data, PATH, checksum)
    with pytest.raises(UnreadableDataError, match="not the file that its pointer"):
        decode(DataKind.JOB_GRAPH, data, PATH, "0" * 64)


def test_a_later_format_is_named() -> None:
    head = struct.pack(">8sI4sQ", b"\x89MSHAD\r\n", 7, b"GRPH", 3) + b"new"
    data = head + hashlib.sha256(head).digest()
    with pytest.raises(UnreadableDataError, match=r"has format 7; .* let masters of the version that wrote it"):
        decode(DataKind.JOB_GRAPH, data, PATH, "")
