"""How records get their event timestamps and how watermarks are made, as programs say it.

A :class:`WatermarkStrategy` is what a program hands over; it travels to the workers as it is, where each subtask takes
a timestamp assigner and a watermark generator out of it. The assigners of the 1.x releases are made into strategies by
:func:`watermark_strategy_of`, so that the engine knows one form only.
"""

from __future__ import annotations

from millstream.common.borrowed_names import borrowed_names
from millstream.common.records import Watermark
from millstream.common.watermark_strategy.ascending_timestamp_extractor import AscendingTimestampExtractor
from millstream.common.watermark_strategy.ascending_timestamps_watermarks import AscendingTimestampsWatermarks
from millstream.common.watermark_strategy.assigner_with_periodic_watermarks import (
    AssignerWithPeriodicWatermarks,
    AssignerWithPeriodicWatermarksWrapper,
)
from millstream.common.watermark_strategy.assigner_with_punctuated_watermarks import AssignerWithPunctuatedWatermarks
from millstream.common.watermark_strategy.bounded_out_of_orderness_timestamp_extractor import (
    BoundedOutOfOrdernessTimestampExtractor,
)
from millstream.common.watermark_strategy.bounded_out_of_orderness_watermarks import BoundedOutOfOrdernessWatermarks
from millstream.common.watermark_strategy.conversion import ascending_timestamps, watermark_strategy_of
from millstream.common.watermark_strategy.no_watermarks_generator import NoWatermarksGenerator
from millstream.common.watermark_strategy.timestamp_assigner import TimestampAssigner
from millstream.common.watermark_strategy.watermark_alignment import WatermarkAlignment
from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator
from millstream.common.watermark_strategy.watermark_generator_supplier import (
    WatermarkGeneratorContext,
    WatermarkGeneratorSupplier,
)
from millstream.common.watermark_strategy.watermark_output import WatermarkOutput
from millstream.common.watermark_strategy.watermark_strategy import WatermarkStrategy
from millstream.common.watermark_strategy.watermarks_with_idleness import WatermarksWithIdleness

__all__ = [
    "AscendingTimestampExtractor",
    "AscendingTimestampsWatermarks",
    "AssignerWithPeriodicWatermarks",
    "AssignerWithPeriodicWatermarksWrapper",
    "AssignerWithPunctuatedWatermarks",
    "BoundedOutOfOrdernessTimestampExtractor",
    "BoundedOutOfOrdernessWatermarks",
    "NoWatermarksGenerator",
    "TimestampAssigner",
    "Watermark",
    "WatermarkAlignment",
    "WatermarkGenerator",
    "WatermarkGeneratorContext",
    "WatermarkGeneratorSupplier",
    "WatermarkOutput",
    "WatermarkStrategy",
    "WatermarksWithIdleness",
    "ascending_timestamps",
    "watermark_strategy_of",
]

__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.common.time": "Duration",
    },
)
