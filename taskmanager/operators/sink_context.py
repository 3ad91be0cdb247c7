"""What sink functions are told about a record."""

from __future__ import annotations

from millstream.common.clock import Clock
from millstream.common.records import MIN_TIMESTAMP
from millstream.datastream.functions import SinkContext

__all__ = ["RecordSinkContext"]


class RecordSinkContext(SinkContext):
    """The one context object of a subtask."""

    __slots__ = ("_clock", "record_timestamp", "watermark")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.record_timestamp: int | None = None
        self.watermark = MIN_TIMESTAMP

    def timestamp(self) -> int | None:
        return self.record_timestamp

    def current_processing_time(self) -> int:
        return self._clock.now_ms()

    def current_watermark(self) -> int:
        return self.watermark
