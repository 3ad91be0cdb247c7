"""How messages are told apart on the socket between a TaskManager and a worker: a 4-byte length, then the message.

Pure functions and a pure decoder: bytes in, messages out. Both directions have the same form; what the bytes mean
(``WorkerCommand`` or ``WorkerEvent``) is the caller's business.
"""

from __future__ import annotations

import struct

__all__ = ["DEFAULT_MAX_FRAME_BYTES", "FrameDecoder", "FrameTooLargeError", "TruncatedFrameError", "encode_frame"]

DEFAULT_MAX_FRAME_BYTES = 256 * 1024 * 1024
"""More than any message should have; a longer length means that the two sides lost step."""

_LENGTH = struct.Struct(">I")


class FrameTooLargeError(ValueError):
    """A message is longer than the limit."""


class TruncatedFrameError(ValueError):
    """The stream ended inside a message."""


def encode_frame(message: bytes, max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES) -> bytes:
    """Return the message with its length before it.

    :raises FrameTooLargeError: it is longer than ``max_frame_bytes``.
    """
    if len(message) > max_frame_bytes:
        raise FrameTooLargeError(
            f"a message of {len(message)} bytes between TaskManager and worker is over the limit of "
            f"{max_frame_bytes} bytes (pekko.framesize raises it)"
        )
    return _LENGTH.pack(len(message)) + message


class FrameDecoder:
    """Cuts a stream of bytes into messages, however the bytes arrive."""

    __slots__ = ("_buffer", "_max_frame_bytes")

    def __init__(self, max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what arrived; return the messages that are complete now.

        :raises FrameTooLargeError: a length is over the limit; the stream is of no use any more.
        """
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        position = 0
        while len(buffer) - position >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, position)
            if length > self._max_frame_bytes:
                raise FrameTooLargeError(
                    f"a message between TaskManager and worker says it has {length} bytes; the limit is "
                    f"{self._max_frame_bytes} bytes"
                )
            end = position + _LENGTH.size + length
            if len(buffer) < end:
                break
            messages.append(bytes(buffer[position + _LENGTH.size : end]))
            position = end
        if position:
            del buffer[:position]
        return messages

    def finish(self) -> None:
        """Say that the stream has ended.

        :raises TruncatedFrameError: part of a message has arrived and the rest never will.
        """
        if self._buffer:
            raise TruncatedFrameError(f"the stream ended {len(self._buffer)} bytes into an unfinished message")
