"""Finds the elements in a channel's stream of buffers.

A channel's bytes are a sequence of elements, each ``u32 length of the body | u8 kind | body``. Where buffers end has
no meaning: one may hold many elements, and a long element spans many. Pure: no I/O.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Final

from millstream.taskmanager.network.frames import ProtocolError

__all__ = ["HEADER_SIZE", "MAX_ELEMENT_SIZE", "BlockAssembler", "element_header"]

MAX_ELEMENT_SIZE: Final = 2**32 - 1

_HEADER: Final = struct.Struct(">IB")
HEADER_SIZE: Final = _HEADER.size


def element_header(kind: int, size: int) -> bytes:
    """Return what goes before an element's body of ``size`` bytes.

    :raises OverflowError: more than :data:`MAX_ELEMENT_SIZE` bytes.
    """
    if size > MAX_ELEMENT_SIZE:
        raise OverflowError(f"{size} bytes are too many for one record; the most is {MAX_ELEMENT_SIZE}")
    return _HEADER.pack(size, kind)


class BlockAssembler:
    """Turns buffers into (kind, body) pairs."""

    __slots__ = ("_elements", "_header", "_missing", "_parts")

    def __init__(self) -> None:
        self._elements: deque[tuple[int, bytes | memoryview]] = deque()
        self._header = b""  # of the element that has begun and is not complete; may itself be incomplete
        self._parts: list[bytes | memoryview] = []
        self._missing = 0  # bytes of its body

    def feed(self, buffer: bytes) -> None:
        """Take the channel's next buffer."""
        view = memoryview(buffer)
        size = len(buffer)
        position = 0
        while position < size:
            if len(self._header) < _HEADER.size:
                if not self._header and size - position >= _HEADER.size:  # the common case, without a copy
                    length, kind = _HEADER.unpack_from(buffer, position)
                    body_start = position + _HEADER.size
                    if body_start + length <= size:
                        position = body_start + length
                        self._elements.append((kind, view[body_start:position]))
                        continue
                wanted = _HEADER.size - len(self._header)
                self._header += buffer[position : position + wanted]
                position = min(size, position + wanted)
                if len(self._header) < _HEADER.size:
                    return
                self._missing = _HEADER.unpack(self._header)[0]
            part = view[position : position + self._missing]
            self._parts.append(part)
            self._missing -= len(part)
            position += len(part)
            if not self._missing:
                kind = self._header[4]
                body: bytes | memoryview = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
                self._elements.append((kind, body))
                self._header = b""
                self._parts = []

    def has_element(self) -> bool:
        """An element is complete."""
        return bool(self._elements)

    def next_element(self) -> tuple[int, bytes | memoryview]:
        """Return the next complete element.

        :raises IndexError: there is none.
        """
        return self._elements.popleft()

    def pending(self) -> list[bytes | memoryview]:
        """Return the bytes that were fed and not taken, the begin of an element included."""
        chunks: list[bytes | memoryview] = []
        for kind, body in self._elements:
            chunks.append(element_header(kind, len(body)))
            chunks.append(body)
        if self._header:
            chunks.append(self._header)
            chunks.extend(self._parts)
        return chunks

    def end(self) -> None:
        """The channel has ended.

        :raises ProtocolError: in the middle of an element.
        """
        if self._header:
            raise ProtocolError(f"the channel ended inside an element of which {self._missing} bytes are missing")
