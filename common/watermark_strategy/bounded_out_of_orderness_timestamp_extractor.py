"""Bounded disorder, as programs for Flink 1.x say it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from millstream.common.records import MIN_TIMESTAMP, Watermark
from millstream.common.time import Duration, Time, milliseconds_of
from millstream.common.watermark_strategy.assigner_with_periodic_watermarks import AssignerWithPeriodicWatermarks
from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator
from millstream.common.watermark_strategy.watermark_output import WatermarkOutput

__all__ = ["BoundedOutOfOrdernessTimestampExtractor", "ExtractorWatermarks"]


class BoundedOutOfOrdernessTimestampExtractor(AssignerWithPeriodicWatermarks):
    """Periodic watermarks that lag behind the highest timestamp seen by the bound.

    A subclass defines ``extract_timestamp(element)``; or the second argument is a function that does it. (As in Flink,
    the lag is 1 ms less than with ``WatermarkStrategy.for_bounded_out_of_orderness``.)
    """

    def __init__(
        self, max_out_of_orderness: Duration | Time | timedelta, extractor: Callable[[Any], int] | None = None
    ) -> None:
        """:raises ValueError: the bound is negative."""
        self._bound = milliseconds_of(max_out_of_orderness)
        if self._bound < 0:
            raise ValueError(f"the bound of the disorder cannot be negative: {max_out_of_orderness!r}")
        self._highest = MIN_TIMESTAMP + self._bound
        self.extractor = extractor

    def get_max_out_of_orderness_in_millis(self) -> int:
        """The bound in ms."""
        return self._bound

    def extract_timestamp(self, value: Any, record_timestamp: int = MIN_TIMESTAMP) -> int:
        """Return the event timestamp (ms) of a record; a subclass needs the first parameter only."""
        if self.extractor is None:
            raise NotImplementedError(f"{type(self).__name__} must define extract_timestamp(element)")
        return self.extractor(value)

    def observe(self, timestamp: int) -> None:
        """A record had this timestamp."""
        if timestamp > self._highest:
            self._highest = timestamp

    def get_current_watermark(self) -> Watermark:
        return Watermark(self._highest - self._bound)


class ExtractorWatermarks(WatermarkGenerator):
    """Tells an extractor what it gave, so that its subclasses need not."""

    def __init__(self, extractor: BoundedOutOfOrdernessTimestampExtractor) -> None:
        self.extractor = extractor

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        self.extractor.observe(event_timestamp)

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        output.emit_watermark(self.extractor.get_current_watermark())
