"""The border between tasks and the network stack: what a task reads from and writes to.

Tasks know only these two interfaces; whether a channel is a queue in the same slot or a credit-controlled stream over
TCP is the network environment's business (``millstream.taskmanager.network``).

Everything here is used from the slot's event loop only, so there are no locks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from millstream.common.records import CheckpointBarrier, Element, LatencyMarker, Marker, RecordBatch
from millstream.taskmanager.exchange_usage import InputUsage, OutputUsage

__all__ = [
    "BarrierListener",
    "ChannelInfo",
    "Chunks",
    "ExchangeError",
    "InputGate",
    "PartitionLostError",
    "Recorded",
    "ResultWriter",
    "UnderWay",
]

Chunks = Sequence["bytes | memoryview"]
"""A part of a channel's stream of bytes, in pieces."""


class ExchangeError(Exception):
    """The data exchange of this task broke; the message names the channel and the peer."""


class PartitionLostError(ExchangeError):
    """A producer's data cannot be had (any more): its connection broke, it failed, or it never appeared.

    Mostly the echo of a failure elsewhere, which the JobMaster reports instead if it learns of it.
    """


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """Where a channel of an input gate comes from.

    :ivar input_index: logical input of the task's head operator (0 or 1).
    :ivar edge_id: the JobEdge.
    :ivar producer_subtask: index of the producing subtask.
    :ivar local: both ends are in this slot.
    :ivar in_line: barriers never overtake what is in this channel.
    """

    input_index: int
    edge_id: str
    producer_subtask: int
    local: bool
    in_line: bool = False


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What of one channel belongs to a checkpoint.

    :ivar overtaken: it was still at the producer, and comes after what was at the consumer already. Where one of the
        two ends has no meaning: an element may begin in the one part and end in the other.
    """

    edge_id: str
    producer_subtask: int
    consumer_subtask: int
    overtaken: bool
    chunks: Chunks


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came through one channel before its barrier.

    :ivar error: why it cannot be kept.
    """

    chunks: Chunks
    error: Exception | None = None


class BarrierListener(Protocol):
    """Hears of barriers as soon as they reach the worker, whatever the task does then. Must not poll the gate."""

    def on_announced(self, channel: int, barrier: CheckpointBarrier) -> None:
        """A barrier is on its way, in line."""
        ...

    def on_overtaking(self, channel: int, barrier: CheckpointBarrier, before: Chunks) -> None:
        """A barrier has overtaken what its producer had queued.

        :param before: what waits here that was sent before it. If the task takes nothing from the channel until it has
            answered, this is all that it has not processed and the producer has not kept.
        """
        ...

    def on_recorded(self, channel: int, checkpoint_id: int) -> None:
        """The barrier, or the end of the channel, has come in line to where it can be seen."""
        ...


class InputGate(Protocol):
    """All inputs of one task."""

    @property
    def channels(self) -> list[ChannelInfo]:
        """The channels; elements name theirs by the index in this list."""
        ...

    def poll(self) -> tuple[int, Element] | None:
        """Return the next element and its channel's index, or ``None`` if nothing is there now.

        Channels that have data are served in turn. ``EndOfPartition`` is an element like any other; after it the
        channel gives no more. Elements of a blocked channel wait.

        :raises PartitionLostError: a producer is gone.
        """
        ...

    async def wait(self) -> None:
        """Return when :meth:`poll` would give something or raise, or :meth:`wake` was called."""
        ...

    def wake(self) -> None:
        """Make :meth:`wait` return now; if it is not under way, the next one at once."""
        ...

    def is_finished(self) -> bool:
        """Every channel has given ``EndOfPartition``."""
        ...

    def block(self, channel: int) -> None:
        """Give nothing from this channel until it is unblocked (checkpoint alignment)."""
        ...

    def unblock_all(self) -> None:
        """Let all channels go on."""
        ...

    def listen(self, listener: BarrierListener) -> None:
        """Tell this one of barriers from now on, beginning with those that have come."""
        ...

    def record(self, checkpoint_id: int, channels: Collection[int]) -> list[int]:
        """Keep what these channels hold, and what comes, up to the barrier of a checkpoint; drops other recordings.

        :return: the channels whose barrier or end is there already. Of the others the listener is told.
        """
        ...

    def recorded(self) -> dict[int, Recorded]:
        """Return what was kept, by channel."""
        ...

    def stop_recording(self) -> None:
        """Keep nothing any more, and forget what was kept."""
        ...

    def close(self) -> None:
        """Let go of the channels and their buffers; producers are told that nobody reads any more."""
        ...

    def usage(self) -> InputUsage:
        """Look how full it is; takes time for each channel."""
        ...

    bytes_in: int
    """Bytes that came over the network so far."""
    deserialize_ns: int
    """Time spent decoding so far."""


class ResultWriter(Protocol):
    """One output edge of one task: partitions, encodes and queues."""

    def emit(self, batch: RecordBatch) -> None:
        """Take a batch. Never blocks and never refuses: the task looks at :attr:`has_room` between batches."""
        ...

    def broadcast(self, marker: Marker) -> None:
        """Put a marker after all that was emitted before, on every subpartition."""
        ...

    def sample(self, marker: LatencyMarker) -> None:
        """Put a mark after all that was emitted before, on one subpartition; each has its turn."""
        ...

    def overtake(self, barrier: CheckpointBarrier) -> list[UnderWay]:
        """Send a barrier ahead of all that is queued; return what it has overtaken.

        Where barriers stay in line this is :meth:`announce`.

        :raises RecordSerializationError: what was overtaken cannot be kept.
        """
        ...

    def announce(self, barrier: CheckpointBarrier) -> None:
        """Put a barrier in line as :meth:`broadcast` does, and tell the consumers at once that it is on its way."""
        ...

    def expedite(self, checkpoint_id: int) -> list[UnderWay]:
        """Let the announced barrier overtake what is still before it, where it still waits; return that."""
        ...

    async def wait_sent(self, checkpoint_id: int) -> None:
        """Return when the announced barrier waits nowhere any more."""
        ...

    def hurry(self, on: bool) -> None:
        """Have several times the room for now: a barrier waits until what was begun is done."""
        ...

    @property
    def has_room(self) -> bool:
        """False: the task must :meth:`wait_room` before it emits more."""
        ...

    async def wait_room(self) -> None:
        """Return when :attr:`has_room` is true (at once if it is).

        :raises ExchangeError: a consumer is gone.
        """
        ...

    def flush(self) -> None:
        """Send what is queued though buffers are not full: the task has nothing more to do now."""
        ...

    def finish(self) -> None:
        """No more will be emitted: ``EndOfPartition`` goes out on every subpartition."""
        ...

    async def wait_consumed(self) -> None:
        """Return when every consumer has taken everything up to ``EndOfPartition``."""
        ...

    def fail(self, reason: str) -> None:
        """The task has failed or was cancelled: consumers get :class:`PartitionLostError`. Frees everything."""
        ...

    def close(self) -> None:
        """Let go of everything; after :meth:`wait_consumed`, nothing is lost."""
        ...

    def usage(self) -> OutputUsage:
        """Look how full it is; takes time for each subpartition."""
        ...

    bytes_out: int
    """Bytes sent over the network so far."""
    records_out: int
    """Records emitted so far."""
    serialize_ns: int
    """Time spent partitioning and encoding so far."""
