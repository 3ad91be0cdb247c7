"""The wire format: whatever is encoded comes back, whatever is not a frame is an error that says where."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.taskmanager.network.frames import (
    Announcement,
    Challenge,
    CloseChannel,
    Consumed,
    Credit,
    Data,
    Frame,
    FrameDecoder,
    Hello,
    PartitionFailed,
    Proof,
    ProtocolError,
    Refused,
    RequestPartition,
    encode_frame,
)

_U32 = st.integers(0, 2**32 - 1)
_BYTES_32 = st.binary(min_size=32, max_size=32)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_FRAMES: st.SearchStrategy[Frame] = st.one_of(
    st.builds(Hello, nonce=_BYTES_32, buffer_size=_U32, name=_TEXT, version=st.just(1)),
    st.builds(Challenge, _BYTES_32, _BYTES_32),
    st.builds(Proof, _BYTES_32),
    st.builds(Refused, _TEXT),
    st.builds(RequestPartition, _U32, _U32, _U32, _TEXT, _TEXT),
    st.builds(Data, _U32, _U32, st.binary(min_size=1, max_size=100)),
    st.builds(Credit, _U32, _U32),
    st.builds(CloseChannel, _U32),
    st.builds(PartitionFailed, _U32, _TEXT),
    st.builds(Consumed, _U32),
    st.builds(Announcement, _U32, st.booleans(), st.binary(max_size=200)),
)


@given(st.lists(_FRAMES, max_size=8), st.lists(st.integers(1, 60)))
def test_frames_come_back_however_the_stream_is_cut(frames: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(map(encode_frame, frames))
    decoder = FrameDecoder(100)
    decoded: list[Frame] = []
    position = 0
    for cut in [*cuts, len(stream)]:
        decoded.extend(decoder.feed(stream[position : position + cut]))
        position += cut
    assert decoded == frames
    decoder.end()


def test_frames_fill_the_place_for_them_many_times() -> None:
    decoder = FrameDecoder(10_000, capacity=1)
    frame = Data(1, 2, b"x" * 9_000)
    assert decoder.feed(encode_frame(frame) * 50) == [frame] * 50


@given(st.binary(max_size=200))
def test_garbage_is_frames_or_an_error_but_nothing_else(garbage: bytes) -> None:
    decoder = FrameDecoder(50)
    try:
        decoder.feed(garbage)
    except ProtocolError as error:
        assert str(error)  # noqa: PT017  # either outcome is right
    assert len(decoder.writable()) < 1 << 20


@given(_FRAMES, st.data())
def test_a_stream_that_ends_inside_a_frame_is_an_error(frame: Frame, data: st.DataObject) -> None:
    encoded = encode_frame(frame)
    decoder = FrameDecoder(100)
    assert decoder.feed(encoded[: data.draw(st.integers(1, len(encoded) - 1))]) == []
    with pytest.raises(ProtocolError, match="ended inside a frame"):
        decoder.end()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (struct.pack(">IB", 1 << 30, 6), "DATA frame of 1073741824 bytes at byte 9"),
        (struct.pack(">IB", 59, 6), "DATA frame of 59 bytes .* allowed are 9 to 58"),
        (struct.pack(">IB", 8, 6), "DATA frame of 8 bytes"),
        (struct.pack(">IB", 9, 7), "CREDIT frame of 9 bytes"),
        (struct.pack(">IB", 3, 8), "CLOSE_CHANNEL frame of 3 bytes"),
        (struct.pack(">IB", 0, 99), "unknown frame type 99 at byte 9"),
        (b"GET / HTTP/1.1", "unknown frame type 47 at byte 9"),
    ],
)
def test_a_wrong_header_is_an_error_before_the_body_comes(header: bytes, message: str) -> None:
    decoder = FrameDecoder(50)
    assert decoder.feed(encode_frame(Consumed(3))) == [Consumed(3)]
    with pytest.raises(ProtocolError, match=message):
        decoder.feed(header)


def test_ids_that_do_not_add_up_are_an_error() -> None:
    encoded = bytearray(encode_frame(RequestPartition(1, 2, 3, "attempt", "edge")))
    encoded[5 + 12 + 1] += 1
    with pytest.raises(ProtocolError, match="8 \\+ 4"):
        FrameDecoder(50).feed(bytes(encoded))


def test_text_that_is_not_utf8_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="UTF-8"):
        FrameDecoder(50).feed(struct.pack(">IB", 1, 4) + b"\xff")


def test_hello_needs_the_magic() -> None:
    encoded = encode_frame(Hello(b"n" * 32, 1, "x")).replace(b"MSDP", b"HTTP")
    with pytest.raises(ProtocolError, match="HTTP"):
        FrameDecoder(0).feed(encoded)


def test_hello_of_another_version_is_read_only_up_to_its_version() -> None:
    encoded = encode_frame(Hello(b"n" * 32, 1, "x", version=2))[:-1] + b"\xff"
    (hello,) = FrameDecoder(0).feed(encoded)
    assert isinstance(hello, Hello)
    assert hello.version == 2


def test_long_reasons_are_cut() -> None:
    (frame,) = FrameDecoder(0).feed(encode_frame(PartitionFailed(1, "ä" * 5000)))
    assert isinstance(frame, PartitionFailed)
    assert frame.reason.endswith("ä...")
