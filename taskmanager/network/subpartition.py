"""What one consumer is to read of a result partition: the interface of both kinds, local and remote."""

from __future__ import annotations

from typing import Protocol

from millstream.common.records import CheckpointBarrier, Marker, RecordBatch
from millstream.taskmanager.exchange import Chunks

__all__ = ["Subpartition", "SubpartitionOwner"]


class SubpartitionOwner(Protocol):
    """The result writer, as its subpartitions see it."""

    def on_queued(self, size: int) -> None:
        """``size`` more bytes wait to be sent; fewer if negative."""
        ...

    def on_room(self) -> None:
        """There may be room again."""
        ...

    def on_sent(self, size: int) -> None:
        """``size`` bytes went out to the network."""
        ...

    def on_consumed(self, index: int) -> None:
        """The consumer of subpartition ``index`` has taken everything."""
        ...

    def on_barrier_left(self) -> None:
        """A barrier that was announced may wait no more."""
        ...

    def on_consumer_gone(self, index: int, reason: str) -> None:
        """The consumer of subpartition ``index`` reads no more, before the end."""
        ...


class Subpartition(Protocol):
    """One consumer's part."""

    def add(self, batch: RecordBatch) -> None:
        """Append records."""
        ...

    def add_marker(self, marker: Marker) -> None:
        """Append a marker after all records before."""
        ...

    def flush(self) -> None:
        """Let go of what is held back to make larger pieces."""
        ...

    @property
    def full(self) -> bool:
        """It holds as much as it should."""
        ...

    def overtake(self, barrier: CheckpointBarrier) -> Chunks:
        """Send a barrier ahead of all that is held; return what it has overtaken."""
        ...

    def announce(self, barrier: CheckpointBarrier) -> None:
        """Append a barrier, and tell the consumer at once."""
        ...

    def expedite(self, checkpoint_id: int) -> Chunks:
        """Send an announced barrier ahead of what is before it, if it still waits; return that."""
        ...

    def holds_barrier(self, checkpoint_id: int) -> bool:
        """The announced barrier still waits."""
        ...

    def fail(self, reason: str) -> None:
        """Drop everything; the consumer gets ``PartitionLostError``."""
        ...
