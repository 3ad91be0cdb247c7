"""A subpartition that is read in another slot: encoded in blocks, sent as credit allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millstream.common.records import CheckpointBarrier, EndOfPartition, Marker, RecordBatch
from millstream.taskmanager.network.block_sizer import BlockSizer
from millstream.taskmanager.network.credit_sender import CreditSender, OutgoingBuffer
from millstream.taskmanager.network.element_codec import encode_block, encode_marker
from millstream.taskmanager.network.local_subpartition import joined_timestamps
from millstream.taskmanager.network.subpartition import SubpartitionOwner
from millstream.taskmanager.network.typed_serializer import BlockSerializer

__all__ = ["RemoteSubpartition"]


class RemoteSubpartition:
    """Collects records to blocks of about a buffer, and queues the blocks' bytes."""

    __slots__ = (
        "_announce",
        "_barrier",
        "_dead",
        "_index",
        "_notify",
        "_owner",
        "_sender",
        "_serializer",
        "_sizer",
        "_timestamps",
        "_unsaid",
        "_values",
        "consumed",
        "requested",
    )

    def __init__(
        self,
        index: int,
        owner: SubpartitionOwner,
        buffer_size: int,
        serializer: BlockSerializer,
        sizer: BlockSizer,
    ) -> None:
        """:param serializer: shared by the subpartitions of a partition, as is ``sizer``."""
        self._index = index
        self._owner = owner
        self._serializer = serializer
        self._sizer = sizer
        self._sender = CreditSender(buffer_size)
        self._values: list[Any] = []
        self._timestamps: list[int | None] | None = None
        self._notify: Callable[[], None] | None = None  # tells the connection that there is something to send
        self._announce: Callable[[bytes, bool], None] | None = None
        self._unsaid: list[tuple[bytes, bool]] = []  # barriers that were to be announced before a consumer came
        self._barrier: tuple[int, bytes] | None = None  # announced, and waits: its checkpoint and chunk
        self._dead = False
        self.requested = False
        """A consumer has come for it."""
        self.consumed = False
        """The consumer has taken everything."""

    # ------------------------------------------------------------ producer

    def add(self, batch: RecordBatch) -> None:
        if self._dead:
            return
        values = self._values
        if values:
            self._timestamps = joined_timestamps(self._timestamps, len(values), batch.timestamps, len(batch.values))
            values.extend(batch.values)
        else:
            values = self._values = batch.values
            self._timestamps = batch.timestamps
        # From half a block on it goes as it is: buffers are filled all the same, and putting lists together costs.
        if len(values) * 2 >= self._sizer.records:
            self._encode_blocks()
            self._wake()

    def add_marker(self, marker: Marker) -> None:
        if self._dead:
            return
        self._encode_rest()
        self._queue(encode_marker(marker))
        if isinstance(marker, EndOfPartition):
            self.flush()
        else:
            self._wake()

    def overtake(self, barrier: CheckpointBarrier) -> list[bytes | memoryview]:
        if self._dead:
            return []
        self._encode_rest()
        overtaken = self._sender.chunks
        self._sender.flush()
        self._say(encode_marker(barrier), overtakes=True)
        self._wake()
        return overtaken

    def announce(self, barrier: CheckpointBarrier) -> None:
        if self._dead:
            return
        self._encode_rest()
        element = encode_marker(barrier)
        self._queue(element)
        self._barrier = barrier.checkpoint_id, element
        self._say(element, overtakes=False)
        self.flush()

    def expedite(self, checkpoint_id: int) -> list[bytes | memoryview]:
        waiting = self._barrier
        if self._dead or waiting is None or waiting[0] != checkpoint_id:
            return []
        self._barrier = None
        element = waiting[1]
        before = self._sender.take_out(element)
        if before is None:
            return []  # on its way
        self._owner.on_queued(-len(element))
        self._say(element, overtakes=True)
        return before

    def holds_barrier(self, checkpoint_id: int) -> bool:
        return self._barrier is not None and self._barrier[0] == checkpoint_id and not self._dead

    def _say(self, element: bytes, *, overtakes: bool) -> None:
        if self._announce is None:
            self._unsaid.append((element, overtakes))
        else:
            self._announce(element, overtakes)

    def flush(self) -> None:
        if self._dead:
            return
        self._encode_rest()
        self._sender.flush()
        self._wake()

    @property
    def full(self) -> bool:
        return False  # the owner counts the bytes of all remote subpartitions together

    def fail(self, reason: str) -> None:
        """Drop everything. The connection, not this, tells the consumer."""
        if not self._dead:
            self._dead = True
            self._barrier = None
            self._owner.on_barrier_left()
            self._values = []
            self._timestamps = None
            self._owner.on_queued(-self._sender.pending_bytes)
            self._sender.clear()

    def _encode_blocks(self) -> None:
        values, timestamps = self._values, self._timestamps
        start, total = 0, len(values)
        while (total - start) * 2 > self._sizer.records * 3:
            end = start + self._sizer.records
            self._encode(values[start:end], None if timestamps is None else timestamps[start:end])
            start = end
        if start:
            self._values = values[start:]
            self._timestamps = None if timestamps is None else timestamps[start:]
        self._encode_rest()

    def _encode_rest(self) -> None:
        values = self._values
        if values:
            self._encode(values, self._timestamps)
            self._values = []
            self._timestamps = None

    def _encode(self, values: list[Any], timestamps: list[int | None] | None) -> None:
        size = 0
        for chunk in encode_block(values, timestamps, self._serializer):
            size += self._queue(chunk)
        self._sizer.encoded(len(values), size)

    def _queue(self, chunk: bytes) -> int:
        self._sender.add(chunk)
        size = len(chunk)
        self._owner.on_queued(size)
        return size

    def _wake(self) -> None:
        if self._notify is not None and self._sender.sendable:
            self._notify()

    @property
    def queued(self) -> int:
        """Buffers that wait to be sent, the last one perhaps not full."""
        return self._sender.waiting_buffers

    # ------------------------------------------------------------ connection

    def attach(
        self,
        notify: Callable[[], None],
        credit: int,
        buffer_size: int,
        announce: Callable[[bytes, bool], None],
    ) -> None:
        """A consumer has come.

        :param notify: called when there is something to send.
        :param credit: its first grant.
        :param buffer_size: the most bytes that it takes in a buffer.
        :param announce: tells it of a barrier at once, behind the buffers that were taken to be sent; told too
            whether the barrier overtakes.
        """
        self.requested = True
        self._notify = notify
        self._announce = announce
        for element, overtakes in self._unsaid:
            announce(element, overtakes)
        self._unsaid.clear()
        self._sender.limit_buffer_size(buffer_size)
        self.add_credit(credit)

    def add_credit(self, credit: int) -> None:
        """The consumer has reserved more buffers."""
        if not self._dead:
            self._sender.add_credit(credit)
            self._wake()

    @property
    def sendable(self) -> bool:
        """There is a buffer to send and credit for it."""
        return self._sender.sendable

    def next_buffer(self) -> OutgoingBuffer:
        """Take the next buffer to send."""
        buffer = self._sender.next_buffer()
        self._owner.on_queued(-buffer.size)
        self._owner.on_sent(buffer.size)
        if self._barrier is not None and not self._sender.holds(self._barrier[1]):
            self._barrier = None
            self._owner.on_barrier_left()
        return buffer

    def on_consumed(self) -> None:
        """The consumer has taken everything."""
        self.consumed = True
        self._notify = self._announce = None
        self._owner.on_consumed(self._index)

    def on_consumer_gone(self, reason: str) -> None:
        """The consumer reads no more, before the end."""
        self._notify = self._announce = None
        self.fail(reason)
        self._owner.on_consumer_gone(self._index, reason)
