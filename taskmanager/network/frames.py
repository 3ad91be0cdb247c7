"""What workers say to each other over a data connection, byte for byte.

A frame is ``u32 length of the body | u8 type | body``, all integers big-endian. The decoder checks type and length as
soon as it has seen the five bytes of the header, before it waits or makes room for the body, so nobody can make a
worker allocate much by claiming a large frame. Pure: no I/O, no clock.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = [
    "PROTOCOL_VERSION",
    "Announcement",
    "Challenge",
    "CloseChannel",
    "Consumed",
    "Credit",
    "Data",
    "Frame",
    "FrameDecoder",
    "Hello",
    "PartitionFailed",
    "Proof",
    "ProtocolError",
    "Refused",
    "RequestPartition",
    "data_header",
    "encode_frame",
]

PROTOCOL_VERSION: Final = 1
NONCE_SIZE: Final = 32
PROOF_SIZE: Final = 32

_MAGIC: Final = b"MSDP"
_MAX_TEXT: Final = 4096
_MAX_BARRIER: Final = 64 << 10
_HEADER: Final = struct.Struct(">IB")
_DATA: Final = struct.Struct(">IBII")
_HELLO: Final = struct.Struct(f">4sHI{NONCE_SIZE}s")
_CHALLENGE: Final = struct.Struct(f">{NONCE_SIZE}s{PROOF_SIZE}s")
_REQUEST: Final = struct.Struct(">IIIHH")
_CHANNEL: Final = struct.Struct(">I")
_CHANNEL_AND_COUNT: Final = struct.Struct(">II")
_ANNOUNCEMENT: Final = struct.Struct(">I?")
_DATA_OVERHEAD: Final = _DATA.size - _HEADER.size


class ProtocolError(Exception):
    """The peer sent something that no Millstream worker of this version would send."""


@dataclass(frozen=True, slots=True)
class Hello:
    """First frame of the connecting worker, which wants to read.

    :ivar buffer_size: the most bytes of a buffer that it takes.
    :ivar name: who it is, for log lines only.
    """

    nonce: bytes
    buffer_size: int
    name: str
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class Challenge:
    """Answer to :class:`Hello`: proves that the accepting worker knows the job's secret, and asks for the same."""

    nonce: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """The connecting worker's proof; requests may follow at once."""

    proof: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The connection is about to be closed for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class RequestPartition:
    """Wants a subpartition's data on ``channel``, a number that the requester chose; grants the initial credit."""

    channel: int
    subpartition: int
    credit: int
    attempt_id: str
    edge_id: str


@dataclass(frozen=True, slots=True)
class Data:
    """One buffer of a channel's byte stream, and how many more are ready behind it."""

    channel: int
    backlog: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Credit:
    """The reader has reserved so many more buffers for the channel."""

    channel: int
    credit: int


@dataclass(frozen=True, slots=True)
class CloseChannel:
    """Nobody reads the channel any more, though it has not ended."""

    channel: int


@dataclass(frozen=True, slots=True)
class PartitionFailed:
    """The producer's data cannot be had (any more)."""

    channel: int
    reason: str


@dataclass(frozen=True, slots=True)
class Consumed:
    """The reading task has taken everything up to the end of the partition."""

    channel: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """A barrier comes on the channel; needs no credit.

    :ivar overtakes: it comes with this, ahead of what the producer had queued; else in line.
    :ivar element: the barrier, as it would stand in the channel's stream.
    """

    channel: int
    overtakes: bool
    element: bytes


Frame: TypeAlias = (
    Hello
    | Challenge
    | Proof
    | Refused
    | RequestPartition
    | Data
    | Credit
    | CloseChannel
    | PartitionFailed
    | Consumed
    | Announcement
)

_HELLO_TYPE, _CHALLENGE_TYPE, _PROOF_TYPE, _REFUSED_TYPE = 1, 2, 3, 4
_REQUEST_TYPE, _DATA_TYPE, _CREDIT_TYPE, _CLOSE_TYPE, _FAILED_TYPE, _CONSUMED_TYPE = 5, 6, 7, 8, 9, 10
_ANNOUNCEMENT_TYPE = 11

# Least and greatest length of each type's body; the greatest of DATA depends on the buffer size.
_BODY_SIZES: Final[dict[int, tuple[str, int, int]]] = {
    _HELLO_TYPE: ("HELLO", _HELLO.size, _HELLO.size + _MAX_TEXT),
    _CHALLENGE_TYPE: ("CHALLENGE", _CHALLENGE.size, _CHALLENGE.size),
    _PROOF_TYPE: ("PROOF", PROOF_SIZE, PROOF_SIZE),
    _REFUSED_TYPE: ("REFUSED", 0, _MAX_TEXT),
    _REQUEST_TYPE: ("REQUEST_PARTITION", _REQUEST.size, _REQUEST.size + 2 * _MAX_TEXT),
    _DATA_TYPE: ("DATA", _DATA_OVERHEAD + 1, _DATA_OVERHEAD),
    _CREDIT_TYPE: ("CREDIT", _CHANNEL_AND_COUNT.size, _CHANNEL_AND_COUNT.size),
    _CLOSE_TYPE: ("CLOSE_CHANNEL", _CHANNEL.size, _CHANNEL.size),
    _FAILED_TYPE: ("PARTITION_FAILED", _CHANNEL.size, _CHANNEL.size + _MAX_TEXT),
    _CONSUMED_TYPE: ("CONSUMED", _CHANNEL.size, _CHANNEL.size),
    _ANNOUNCEMENT_TYPE: ("ANNOUNCEMENT", _ANNOUNCEMENT.size, _ANNOUNCEMENT.size + _MAX_BARRIER),
}


def data_header(channel: int, backlog: int, size: int) -> bytes:
    """Return what goes before the ``size`` bytes of a buffer's payload."""
    return _DATA.pack(size + _DATA_OVERHEAD, _DATA_TYPE, channel, backlog)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) <= _MAX_TEXT:
        return encoded
    return encoded[: _MAX_TEXT - 3].decode("utf-8", "ignore").encode() + b"..."


def encode_frame(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    if isinstance(frame, Data):
        return data_header(frame.channel, frame.backlog, len(frame.payload)) + frame.payload
    if isinstance(frame, Hello):
        kind, body = _HELLO_TYPE, _HELLO.pack(_MAGIC, frame.version, frame.buffer_size, frame.nonce) + _text(frame.name)
    elif isinstance(frame, Challenge):
        kind, body = _CHALLENGE_TYPE, _CHALLENGE.pack(frame.nonce, frame.proof)
    elif isinstance(frame, Proof):
        kind, body = _PROOF_TYPE, frame.proof
    elif isinstance(frame, Refused):
        kind, body = _REFUSED_TYPE, _text(frame.reason)
    elif isinstance(frame, RequestPartition):
        attempt, edge = _text(frame.attempt_id), _text(frame.edge_id)
        fixed = _REQUEST.pack(frame.channel, frame.subpartition, frame.credit, len(attempt), len(edge))
        kind, body = _REQUEST_TYPE, fixed + attempt + edge
    elif isinstance(frame, Credit):
        kind, body = _CREDIT_TYPE, _CHANNEL_AND_COUNT.pack(frame.channel, frame.credit)
    elif isinstance(frame, CloseChannel):
        kind, body = _CLOSE_TYPE, _CHANNEL.pack(frame.channel)
    elif isinstance(frame, PartitionFailed):
        kind, body = _FAILED_TYPE, _CHANNEL.pack(frame.channel) + _text(frame.reason)
    elif isinstance(frame, Announcement):
        kind, body = _ANNOUNCEMENT_TYPE, _ANNOUNCEMENT.pack(frame.channel, frame.overtakes) + frame.element
    else:
        kind, body = _CONSUMED_TYPE, _CHANNEL.pack(frame.channel)
    return _HEADER.pack(len(body), kind) + body


def _decode_text(body: memoryview, what: str) -> str:
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"{what} is not UTF-8: {error}") from None


def _decode_body(kind: int, body: memoryview) -> Frame:
    if kind == _DATA_TYPE:
        channel, backlog = _CHANNEL_AND_COUNT.unpack_from(body)
        return Data(channel, backlog, bytes(body[_DATA_OVERHEAD:]))
    if kind == _CREDIT_TYPE:
        return Credit(*_CHANNEL_AND_COUNT.unpack(body))
    if kind == _REQUEST_TYPE:
        channel, subpartition, credit, attempt_size, edge_size = _REQUEST.unpack_from(body)
        if len(body) != _REQUEST.size + attempt_size + edge_size:
            raise ProtocolError(f"REQUEST_PARTITION of {len(body)} bytes says {attempt_size} + {edge_size} for its ids")
        ids = body[_REQUEST.size :]
        attempt = _decode_text(ids[:attempt_size], "attempt id in REQUEST_PARTITION")
        edge = _decode_text(ids[attempt_size:], "edge id in REQUEST_PARTITION")
        return RequestPartition(channel, subpartition, credit, attempt, edge)
    if kind == _CONSUMED_TYPE:
        return Consumed(*_CHANNEL.unpack(body))
    if kind == _CLOSE_TYPE:
        return CloseChannel(*_CHANNEL.unpack(body))
    if kind == _FAILED_TYPE:
        reason = _decode_text(body[_CHANNEL.size :], "reason in PARTITION_FAILED")
        (channel,) = _CHANNEL.unpack_from(body)
        return PartitionFailed(channel, reason)
    if kind == _ANNOUNCEMENT_TYPE:
        channel, overtakes = _ANNOUNCEMENT.unpack_from(body)
        return Announcement(channel, overtakes, bytes(body[_ANNOUNCEMENT.size :]))
    if kind == _HELLO_TYPE:
        magic, version, buffer_size, nonce = _HELLO.unpack_from(body)
        if magic != _MAGIC:
            raise ProtocolError(f"HELLO begins with {magic!r}, not {_MAGIC!r}")
        if version != PROTOCOL_VERSION:
            # Nothing behind the version is believed: it may mean something else there.
            return Hello(nonce, buffer_size, "", version)
        return Hello(nonce, buffer_size, _decode_text(body[_HELLO.size :], "name in HELLO"), version)
    if kind == _CHALLENGE_TYPE:
        return Challenge(*_CHALLENGE.unpack(body))
    if kind == _PROOF_TYPE:
        return Proof(bytes(body))
    return Refused(_decode_text(body, "reason in REFUSED"))


class FrameDecoder:
    """Cuts what a socket receives into frames.

    The socket writes into :meth:`writable`; :meth:`received` then gives the frames that are complete.
    """

    __slots__ = ("_buffer", "_end", "_max_data", "_offset", "_start", "_view")

    def __init__(self, buffer_size: int, capacity: int = 128 << 10) -> None:
        """
        :param buffer_size: the most bytes that the payload of a DATA frame may have; 0: none are expected.
        :param capacity: bytes to receive at once.
        """
        self._max_data = buffer_size + _DATA_OVERHEAD
        longest = max(self._max_data, *(greatest for _, _, greatest in _BODY_SIZES.values()))
        self._buffer = bytearray(max(capacity, _HEADER.size + longest))
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._offset = 0  # of the byte at _start in the whole stream, for messages

    def writable(self) -> memoryview:
        """Return the place for the next bytes; never empty."""
        return self._view[self._end :]

    def received(self, count: int) -> list[Frame]:
        """Take ``count`` bytes that were written to :meth:`writable`; return the frames that they complete.

        :raises ProtocolError: they are not frames.
        """
        self._end += count
        frames: list[Frame] = []
        view, position, end = self._view, self._start, self._end
        while end - position >= _HEADER.size:
            length, kind = _HEADER.unpack_from(view, position)
            self._check(kind, length, position)
            body_start = position + _HEADER.size
            body_end = body_start + length
            if body_end > end:
                break
            frames.append(_decode_body(kind, view[body_start:body_end]))
            position = body_end
        self._offset += position - self._start
        if position == end:
            self._start = self._end = 0
        elif position > 0:
            rest = end - position
            self._buffer[:rest] = self._buffer[position:end]
            self._start, self._end = 0, rest
        return frames

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes that came otherwise; as :meth:`received`."""
        frames: list[Frame] = []
        offset = 0
        while offset < len(data):
            room = self.writable()
            piece = data[offset : offset + len(room)]
            room[: len(piece)] = piece
            offset += len(piece)
            frames.extend(self.received(len(piece)))
        return frames

    def end(self) -> None:
        """The stream has ended.

        :raises ProtocolError: in the middle of a frame.
        """
        if self._end > self._start:
            raise ProtocolError(
                f"the stream ended inside a frame: {self._end - self._start} bytes of it came, at byte {self._offset}"
            )

    def _check(self, kind: int, length: int, position: int) -> None:
        sizes = _BODY_SIZES.get(kind)
        where = self._offset + position - self._start
        if sizes is None:
            raise ProtocolError(f"unknown frame type {kind} at byte {where} of the stream")
        name, least, greatest = sizes
        if kind == _DATA_TYPE:
            greatest = self._max_data
        if not least <= length <= greatest:
            raise ProtocolError(
                f"{name} frame of {length} bytes at byte {where} of the stream; allowed are {least} to {greatest}"
            )
