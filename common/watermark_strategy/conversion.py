"""Makes strategies of whatever programs hand over."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from millstream.common.watermark_strategy.ascending_timestamp_extractor import AscendingTimestampExtractor
from millstream.common.watermark_strategy.assigner_with_periodic_watermarks import (
    AssignerWithPeriodicWatermarks,
    AssignerWithPeriodicWatermarksWrapper,
    PeriodicAssignerWatermarks,
)
from millstream.common.watermark_strategy.assigner_with_punctuated_watermarks import (
    AssignerWithPunctuatedWatermarks,
    PunctuatedAssignerWatermarks,
)
from millstream.common.watermark_strategy.bounded_out_of_orderness_timestamp_extractor import (
    BoundedOutOfOrdernessTimestampExtractor,
    ExtractorWatermarks,
)
from millstream.common.watermark_strategy.bounded_out_of_orderness_watermarks import BoundedOutOfOrdernessWatermarks
from millstream.common.watermark_strategy.no_watermarks_generator import NoWatermarksGenerator
from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator
from millstream.common.watermark_strategy.watermark_generator_supplier import WatermarkGeneratorContext
from millstream.common.watermark_strategy.watermark_strategy import WatermarkStrategy, check_timestamp_assigner
from millstream.common.watermark_strategy.watermarks_with_idleness import WatermarksWithIdleness

__all__ = ["ascending_timestamps", "takes_highest_only", "watermark_strategy_of"]

_TAKE_HIGHEST_ONLY = {
    BoundedOutOfOrdernessWatermarks.on_event,
    ExtractorWatermarks.on_event,
    NoWatermarksGenerator.on_event,
    PeriodicAssignerWatermarks.on_event,
}


class _AssignerStrategy(WatermarkStrategy):
    """An assigner of Flink 1.x, which does both."""

    def __init__(self, assigner: AssignerWithPeriodicWatermarks | AssignerWithPunctuatedWatermarks) -> None:
        self._timestamp_assigner = assigner

    def create_watermark_generator(self, context: WatermarkGeneratorContext) -> WatermarkGenerator:
        assigner = self._timestamp_assigner
        if isinstance(assigner, AssignerWithPunctuatedWatermarks):
            return PunctuatedAssignerWatermarks(assigner)
        if isinstance(assigner, BoundedOutOfOrdernessTimestampExtractor):
            return ExtractorWatermarks(assigner)
        return PeriodicAssignerWatermarks(assigner)


def watermark_strategy_of(given: Any) -> WatermarkStrategy:
    """Return the strategy that ``given`` is or stands for; what happens to ``given`` later does not change it.

    :raises TypeError: it is neither a strategy nor an assigner of Flink 1.x.
    """
    if isinstance(given, WatermarkStrategy):
        return copy.copy(given)
    if isinstance(given, AssignerWithPeriodicWatermarksWrapper):
        given = given.assigner
    if isinstance(given, (AssignerWithPeriodicWatermarks, AssignerWithPunctuatedWatermarks)):
        return _AssignerStrategy(given)
    wanted = (
        "a WatermarkStrategy, for example WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(5))"
        ".with_timestamp_assigner(...), or an AssignerWithPeriodicWatermarks or AssignerWithPunctuatedWatermarks"
    )
    if isinstance(given, type):
        raise TypeError(f"timestamps and watermarks are assigned by an object and not by a class: {given!r}")
    raise TypeError(f"timestamps and watermarks are assigned by {wanted}; not by {given!r}")


def ascending_timestamps(extractor: Callable[..., int] | AscendingTimestampExtractor) -> WatermarkStrategy:
    """The strategy for timestamps that ``extractor`` takes out of records and that never go back.

    :raises TypeError: it cannot do that.
    """
    if isinstance(extractor, AscendingTimestampExtractor):
        return watermark_strategy_of(extractor)
    check_timestamp_assigner(extractor, "assign_ascending_timestamps")
    return WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(extractor)


def takes_highest_only(generator: WatermarkGenerator) -> bool:
    """Whether it is enough for ``generator`` to see the highest timestamp of a batch instead of each record."""
    if type(generator).on_event is WatermarksWithIdleness.on_event:
        assert isinstance(generator, WatermarksWithIdleness)
        return takes_highest_only(generator.watermarks)
    return type(generator).on_event in _TAKE_HIGHEST_ONLY
