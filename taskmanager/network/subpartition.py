"""What one consumer is to read of a result partition: the interface of both kinds, local and remote."""

from __future__ import annotations

from typing import Protocol

from millstream.common.records import Marker, RecordBatch

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

    def fail(self, reason: str) -> None:
        """Drop everything; the consumer gets ``PartitionLostError``."""
        ...
