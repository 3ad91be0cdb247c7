"""Makes the watermark generator of a subtask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from millstream.common.metrics import MetricGroup
from millstream.common.watermark_strategy.input_activity_clock import InputActivityClock
from millstream.common.watermark_strategy.watermark_generator import WatermarkGenerator

__all__ = ["WatermarkGeneratorContext", "WatermarkGeneratorSupplier"]


@dataclass(frozen=True, slots=True)
class WatermarkGeneratorContext:
    """What a generator may want to know of its subtask."""

    metric_group: MetricGroup | None
    input_activity_clock: InputActivityClock

    def get_metric_group(self) -> MetricGroup | None:
        """Where its metrics belong; ``None`` where there are no metrics."""
        return self.metric_group

    def get_input_activity_clock(self) -> InputActivityClock:
        """The clock for finding out that the stream is idle."""
        return self.input_activity_clock


class WatermarkGeneratorSupplier(ABC):
    """A factory of generators, for those that need to know where they run."""

    @abstractmethod
    def create_watermark_generator(self, context: WatermarkGeneratorContext) -> WatermarkGenerator:
        """Make the generator of one subtask."""
