"""Timestamps and periodic watermarks in one object, as programs for Flink 1.x have them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.common.records import Watermark
from millstream.common.watermark_strategy.timestamp_assigner import TimestampAssigner
from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator
from millstream.common.watermark_strategy.watermark_output import WatermarkOutput

__all__ = [
    "AssignerWithPeriodicWatermarks",
    "AssignerWithPeriodicWatermarksWrapper",
    "PeriodicAssignerWatermarks",
]


class AssignerWithPeriodicWatermarks(TimestampAssigner):
    """Gives timestamps, and is asked for a watermark at each auto-watermark interval."""

    @abstractmethod
    def get_current_watermark(self) -> Watermark | int | None:
        """Return the watermark (or its timestamp in ms) of what was seen so far; ``None``: none now.

        One that is not higher than the last one is dropped.
        """
        raise NotImplementedError(f"{type(self).__name__} must define get_current_watermark()")


class AssignerWithPeriodicWatermarksWrapper(AssignerWithPeriodicWatermarks):
    """An assigner inside another object, as connectors take it.

    In PyFlink it holds an assigner of the JVM; here it holds one written in Python.
    """

    def __init__(self, assigner_with_periodic_watermarks: AssignerWithPeriodicWatermarks) -> None:
        """:raises TypeError: that is no such assigner."""
        if not isinstance(assigner_with_periodic_watermarks, AssignerWithPeriodicWatermarks):
            raise TypeError(
                "AssignerWithPeriodicWatermarksWrapper takes an AssignerWithPeriodicWatermarks, not "
                f"{assigner_with_periodic_watermarks!r}"
            )
        self.assigner = assigner_with_periodic_watermarks

    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return self.assigner.extract_timestamp(value, record_timestamp)

    def get_current_watermark(self) -> Watermark | int | None:
        return self.assigner.get_current_watermark()


class PeriodicAssignerWatermarks(WatermarkGenerator):
    """Asks an assigner."""

    def __init__(self, assigner: AssignerWithPeriodicWatermarks) -> None:
        self.assigner = assigner

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        """The assigner has seen the record when it gave the timestamp."""

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        watermark = self.assigner.get_current_watermark()
        if watermark is not None:
            output.emit_watermark(watermark)
