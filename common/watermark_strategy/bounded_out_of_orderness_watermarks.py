"""Watermarks for streams whose disorder is bounded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from millstream.common.records import MIN_TIMESTAMP, Watermark
from millstream.common.time import Duration, Time, milliseconds_of
from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator
from millstream.common.watermark_strategy.watermark_output import WatermarkOutput

__all__ = ["BoundedOutOfOrdernessWatermarks"]


class BoundedOutOfOrdernessWatermarks(WatermarkGenerator):
    """Periodic watermarks that lag behind the highest timestamp seen by the bound and 1 ms.

    Nothing that comes later than the bound allows is expected: it is late.
    """

    def __init__(self, max_out_of_orderness: Duration | Time | timedelta) -> None:
        """:raises ValueError: the bound is negative."""
        bound = milliseconds_of(max_out_of_orderness)
        if bound < 0:
            raise ValueError(f"the bound of the disorder cannot be negative: {max_out_of_orderness!r}")
        self._lag = bound + 1
        self._highest = MIN_TIMESTAMP + self._lag  # so that the first watermark is not below the lowest there is

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        if event_timestamp > self._highest:
            self._highest = event_timestamp

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        output.emit_watermark(Watermark(self._highest - self._lag))
