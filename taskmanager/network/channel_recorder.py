"""Keeps what comes through a channel, byte for byte, until the barrier of a checkpoint that holds it.

The bytes are kept as they come, so a record that is torn by the end of a buffer stays whole when the rest is put
behind it; they are looked at only to find where an element begins and which one is the barrier. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from millstream.taskmanager.network.block_assembler import HEADER_SIZE
from millstream.taskmanager.network.element_codec import BARRIER_KIND, END_OF_PARTITION_KIND, barrier_id

__all__ = ["ChannelRecorder"]

_BARRIER_ID_SIZE = 8


class ChannelRecorder:
    """The recording of one channel.

    :ivar checkpoint_id: whose barrier ends it.
    :ivar chunks: what came before that.
    :ivar complete: nothing more belongs to it.
    :ivar error: why it is not what it should be.
    """

    __slots__ = (
        "_begun",
        "_body",
        "_kind",
        "_missing",
        "_size",
        "_whole",
        "checkpoint_id",
        "chunks",
        "complete",
        "error",
    )

    def __init__(self, checkpoint_id: int) -> None:
        self.checkpoint_id = checkpoint_id
        self.chunks: list[bytes | memoryview] = []
        self.complete = False
        self.error: Exception | None = None
        self._size = 0
        self._whole = 0  # bytes up to the end of the last complete element
        self._begun = b""  # the header of the element that comes
        self._kind = -1
        self._missing = 0  # bytes of its body
        self._body = b""  # its begin, of a barrier

    def feed(self, chunks: Iterable[bytes | memoryview]) -> bool:
        """Take what came next; true if the recording is complete."""
        for chunk in chunks:
            if self.complete:
                break
            if len(chunk):
                self._feed(memoryview(chunk))
        return self.complete

    def end(self) -> None:
        """The barrier has overtaken what would come next."""
        self.complete = True

    def fail(self, error: Exception) -> None:
        """What came cannot be kept."""
        self.error = error
        self.complete = True
        self.chunks.clear()

    def _feed(self, chunk: memoryview) -> None:
        self.chunks.append(chunk)
        begin = self._size
        self._size += len(chunk)
        position, size = 0, len(chunk)
        while position < size:
            if self._kind < 0:
                wanted = HEADER_SIZE - len(self._begun)
                self._begun += chunk[position : position + wanted]
                position += wanted
                if len(self._begun) < HEADER_SIZE:
                    return
                self._missing, self._kind = int.from_bytes(self._begun[:-1], "big"), self._begun[-1]
                if self._kind == END_OF_PARTITION_KIND:
                    self._cut()
                    return
            part = min(self._missing, size - position)
            if self._kind == BARRIER_KIND and len(self._body) < _BARRIER_ID_SIZE:
                self._body += chunk[position : position + min(part, _BARRIER_ID_SIZE - len(self._body))]
            position += part
            self._missing -= part
            if self._missing:
                return
            if self._kind == BARRIER_KIND and barrier_id(self._body) == self.checkpoint_id:
                self._cut()
                return
            self._whole = begin + position
            self._begun, self._kind, self._body = b"", -1, b""

    def _cut(self) -> None:
        """What is behind the last element does not belong to it."""
        self.complete = True
        surplus = self._size - self._whole
        while surplus:
            last = self.chunks.pop()
            if len(last) > surplus:
                self.chunks.append(memoryview(last)[: len(last) - surplus])
            surplus = max(0, surplus - len(last))
