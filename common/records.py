"""What flows through a job: batches of records, and the markers between them.

A source emits :class:`RecordBatch` es; between batches flow :class:`Marker` s. The order between batches and markers
is never changed, so a marker means "all that came before me" at every place of the graph. Work is done per batch
and user functions are called per record inside it: this is what makes a record cost little more than the user's
own code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

__all__ = [
    "MAX_TIMESTAMP",
    "MAX_WATERMARK",
    "MIN_TIMESTAMP",
    "CheckpointBarrier",
    "Element",
    "EndOfData",
    "EndOfPartition",
    "LatencyMarker",
    "Marker",
    "RecordBatch",
    "Watermark",
    "WatermarkStatus",
]

MIN_TIMESTAMP: Final = -(2**63)
MAX_TIMESTAMP: Final = 2**63 - 1


class RecordBatch:
    """Records in row layout.

    :ivar values: the records, any Python objects.
    :ivar timestamps: event timestamps in ms, one per value (``None`` in the list: that record has none); ``None``
        instead of the list when no record has a timestamp, the common case that costs nothing.
    :ivar keys: the key of each value where a partitioner has computed them already, else ``None``. An optimisation
        for a consumer in the same slot; never sent over the network.

    A batch belongs to whoever received it: a producer must not touch its lists after handing it on.
    """

    __slots__ = ("keys", "timestamps", "values")

    def __init__(
        self,
        values: list[Any],
        timestamps: list[int | None] | None = None,
        keys: list[Any] | None = None,
    ) -> None:
        self.values = values
        self.timestamps = timestamps
        self.keys = keys

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecordBatch):
            return NotImplemented
        return self.values == other.values and self.timestamps == other.timestamps

    __hash__ = None  # type: ignore[assignment]  # mutable lists inside

    def __repr__(self) -> str:
        shown = ", ".join(repr(value)[:40] for value in self.values[:3])
        return f"RecordBatch({len(self.values)} records: {shown}{', ...' if len(self.values) > 3 else ''})"


@dataclass(frozen=True, slots=True)
class Watermark:
    """No record with a timestamp at or below ``timestamp`` (ms) will follow."""

    timestamp: int


MAX_WATERMARK: Final = Watermark(MAX_TIMESTAMP)


@dataclass(frozen=True, slots=True)
class WatermarkStatus:
    """Whether the stream counts when watermarks are combined; an idle one does not."""

    idle: bool


@dataclass(frozen=True, slots=True)
class CheckpointBarrier:
    """Separates the records of one checkpoint from those of the next."""

    checkpoint_id: int
    timestamp: int
    options: bytes = b""


@dataclass(frozen=True, slots=True)
class LatencyMarker:
    """Travels from a source to the sinks to measure the way; user functions never see it."""

    marked_time: int
    operator_id: str
    subtask_index: int


@dataclass(frozen=True, slots=True)
class EndOfData:
    """The producer has no more records; operators may still flush what they hold."""

    drain: bool = True


@dataclass(frozen=True, slots=True)
class EndOfPartition:
    """Nothing at all follows on this channel."""


Marker: TypeAlias = Watermark | WatermarkStatus | CheckpointBarrier | LatencyMarker | EndOfData | EndOfPartition
Element: TypeAlias = RecordBatch | Marker
