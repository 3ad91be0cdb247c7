"""Timestamps and watermarks that follow certain records in one object, as programs for Flink 1.x have them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.common.records import Watermark
from millstream.common.watermark_strategy.timestamp_assigner import TimestampAssigner
from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator
from millstream.common.watermark_strategy.watermark_output import WatermarkOutput

__all__ = ["AssignerWithPunctuatedWatermarks", "PunctuatedAssignerWatermarks"]


class AssignerWithPunctuatedWatermarks(TimestampAssigner):
    """Gives timestamps, and is asked after each record whether a watermark follows."""

    @abstractmethod
    def check_and_get_next_watermark(self, last_element: Any, extracted_timestamp: int) -> Watermark | int | None:
        """Return the watermark (or its timestamp in ms) that follows this record; ``None``: none does.

        One that is not higher than the last one is dropped.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define check_and_get_next_watermark(last_element, extracted_timestamp)"
        )


class PunctuatedAssignerWatermarks(WatermarkGenerator):
    """Asks an assigner."""

    def __init__(self, assigner: AssignerWithPunctuatedWatermarks) -> None:
        self.assigner = assigner

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        watermark = self.assigner.check_and_get_next_watermark(event, event_timestamp)
        if watermark is not None:
            output.emit_watermark(watermark)

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        """All watermarks follow records."""
