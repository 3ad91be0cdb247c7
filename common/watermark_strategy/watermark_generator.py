"""Makes watermarks out of what it sees of a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from millstream.common.watermark_strategy.watermark_output import WatermarkOutput

__all__ = ["WatermarkGenerator"]


class WatermarkGenerator(ABC):
    """Makes the watermarks of one subtask: periodic ones, or ones that follow certain records.

    A periodic generator remembers in :meth:`on_event` what it saw and emits in :meth:`on_periodic_emit`; a punctuated
    one emits in :meth:`on_event`, and its watermark comes right after that record.
    """

    @abstractmethod
    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        """A record has passed.

        :param event_timestamp: in ms; the smallest 64-bit number if the record has no timestamp.
        """
        raise NotImplementedError(f"{type(self).__name__} must define on_event(event, event_timestamp, output)")

    @abstractmethod
    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        """The auto-watermark interval has passed (``ExecutionConfig.set_auto_watermark_interval``, default 200 ms)."""
        raise NotImplementedError(f"{type(self).__name__} must define on_periodic_emit(output)")
