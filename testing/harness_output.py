"""What came out of an operator harness, in the order in which it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from millstream.common.records import RecordBatch, Watermark, WatermarkStatus

__all__ = ["HarnessOutput", "OutputElement", "StreamRecord"]


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """A record with its event timestamp (ms; ``None``: it has none)."""

    value: Any
    timestamp: int | None = None


OutputElement: TypeAlias = StreamRecord | Watermark | WatermarkStatus


def _records(batch: RecordBatch) -> list[StreamRecord]:
    if batch.timestamps is None:
        return [StreamRecord(value) for value in batch.values]
    return [StreamRecord(value, timestamp) for value, timestamp in zip(batch.values, batch.timestamps, strict=True)]


@dataclass(slots=True)
class HarnessOutput:
    """The main output with its markers, and the side outputs.

    :ivar watermark: the last one that came out, ms; ``None``: none yet.
    """

    elements: list[OutputElement] = field(default_factory=list)
    side_outputs: dict[str, list[StreamRecord]] = field(default_factory=dict)
    watermark: int | None = None

    def add_batch(self, batch: RecordBatch) -> None:
        self.elements.extend(_records(batch))

    def add_marker(self, marker: Watermark | WatermarkStatus) -> None:
        self.elements.append(marker)
        if isinstance(marker, Watermark):
            self.watermark = marker.timestamp

    def add_side_output(self, tag: str, batch: RecordBatch) -> None:
        self.side_outputs.setdefault(tag, []).extend(_records(batch))

    def records(self) -> list[StreamRecord]:
        """The main output without its markers."""
        return [element for element in self.elements if isinstance(element, StreamRecord)]

    def clear(self) -> None:
        self.elements.clear()
        self.side_outputs.clear()
