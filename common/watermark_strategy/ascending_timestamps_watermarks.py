"""Watermarks for streams whose timestamps never go back."""

from __future__ import annotations

from millstream.common.time import Duration
from millstream.common.watermark_strategy.bounded_out_of_orderness_watermarks import BoundedOutOfOrdernessWatermarks

__all__ = ["AscendingTimestampsWatermarks"]


class AscendingTimestampsWatermarks(BoundedOutOfOrdernessWatermarks):
    """Periodic watermarks 1 ms behind the highest timestamp: further records may have that very timestamp."""

    def __init__(self) -> None:
        super().__init__(Duration.of_millis(0))
