"""The sending side of one channel: what waits, what may go, how much is behind it.

A channel is a stream of bytes that is cut into buffers only when one is sent. So what waited for credit leaves in full
buffers, however small the pieces in which it came. Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice

__all__ = ["CreditSender", "OutgoingBuffer"]


@dataclass(frozen=True, slots=True)
class OutgoingBuffer:
    """One buffer to send.

    :ivar chunks: its bytes, in pieces that are written one after the other.
    :ivar size: bytes in all of them.
    :ivar backlog: buffers that are ready behind it.
    """

    chunks: list[bytes | memoryview]
    size: int
    backlog: int


class CreditSender:
    """Queue of one channel; gives out no more buffers than it was granted credit for."""

    __slots__ = ("_buffer_size", "_chunks", "_credit", "_flush_left", "_pending")

    def __init__(self, buffer_size: int) -> None:
        """:param buffer_size: bytes in a full buffer."""
        if buffer_size < 1:
            raise ValueError(f"buffer size must be positive, not {buffer_size}")
        self._buffer_size = buffer_size
        self._chunks: deque[bytes | memoryview] = deque()
        self._pending = 0
        self._flush_left = 0  # so many bytes, from the front, are to go even if they do not fill a buffer
        self._credit = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait."""
        return self._pending

    @property
    def waiting_buffers(self) -> int:
        """Buffers that what waits would fill, the last one perhaps in part."""
        return -(-self._pending // self._buffer_size)

    @property
    def credit(self) -> int:
        """Buffers that the receiver has reserved and we have not used."""
        return self._credit

    @property
    def backlog(self) -> int:
        """Buffers that would go now if there were credit for all."""
        return max(self._pending // self._buffer_size, -(-self._flush_left // self._buffer_size))

    @property
    def sendable(self) -> bool:
        """There is a buffer to send and credit to send it."""
        return self._credit > 0 and (self._flush_left > 0 or self._pending >= self._buffer_size)

    def limit_buffer_size(self, buffer_size: int) -> None:
        """The receiver's buffers hold only so much."""
        if buffer_size < 1:
            raise ValueError(f"buffer size must be positive, not {buffer_size}")
        self._buffer_size = min(self._buffer_size, buffer_size)

    def add(self, chunk: bytes) -> None:
        """Append bytes; they go when they fill a buffer or are flushed."""
        if chunk:
            self._chunks.append(chunk)
            self._pending += len(chunk)

    def flush(self) -> None:
        """All that waits now is to go, full buffer or not."""
        self._flush_left = self._pending

    @property
    def chunks(self) -> list[bytes | memoryview]:
        """All that waits, in order."""
        return list(self._chunks)

    def holds(self, chunk: bytes) -> bool:
        """This very chunk waits, and no part of it has gone."""
        return any(each is chunk for each in self._chunks)

    def take_out(self, chunk: bytes) -> list[bytes | memoryview] | None:
        """Remove a chunk; return what waits before it. ``None``: it, or a part of it, has gone."""
        for index, each in enumerate(self._chunks):
            if each is chunk:
                before = list(islice(self._chunks, index))
                del self._chunks[index]
                self._pending -= len(chunk)
                if self._flush_left > sum(map(len, before)):
                    self._flush_left -= len(chunk)
                return before
        return None

    def add_credit(self, credit: int) -> None:
        """The receiver has reserved ``credit`` more buffers."""
        if credit < 0:
            raise ValueError(f"credit cannot be taken back: {credit}")
        self._credit += credit

    def next_buffer(self) -> OutgoingBuffer:
        """Cut the next buffer and use one credit for it.

        :raises RuntimeError: nothing is :attr:`sendable`.
        """
        if not self.sendable:
            raise RuntimeError("no credit or no buffer to send")
        chunks: list[bytes | memoryview] = []
        room = self._buffer_size
        queue = self._chunks
        while queue and room:
            chunk = queue[0]
            if len(chunk) <= room:
                queue.popleft()
            else:
                view = memoryview(chunk)
                chunk, queue[0] = view[:room], view[room:]
            chunks.append(chunk)
            room -= len(chunk)
        size = self._buffer_size - room
        self._pending -= size
        self._flush_left = max(0, self._flush_left - size)
        self._credit -= 1
        return OutgoingBuffer(chunks, size, self.backlog)

    def clear(self) -> None:
        """Drop everything: the channel is closed."""
        self._chunks.clear()
        self._pending = self._flush_left = self._credit = 0
