"""Makes no watermarks."""

from __future__ import annotations

from typing import Any

from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator
from millstream.common.watermark_strategy.watermark_output import WatermarkOutput

__all__ = ["NoWatermarksGenerator"]


class NoWatermarksGenerator(WatermarkGenerator):
    """Event time stands still until the end of the input."""

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        """Does nothing."""

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        """Does nothing."""
