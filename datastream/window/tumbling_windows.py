"""Windows of one size that follow one another."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from millstream.common.time import Duration, Time, milliseconds_of
from millstream.datastream.window.element_type import T
from millstream.datastream.window.event_time_trigger import EventTimeTrigger
from millstream.datastream.window.no_timestamp import check_timestamp
from millstream.datastream.window.processing_time_trigger import ProcessingTimeTrigger
from millstream.datastream.window.time_window import TimeWindow
from millstream.datastream.window.window_assigner import WindowAssigner
from millstream.datastream.window.window_serializer import TimeWindowSerializer
from millstream.datastream.window.window_settings import check_tumbling

__all__ = ["TumblingEventTimeWindows", "TumblingProcessingTimeWindows"]


class TumblingEventTimeWindows(WindowAssigner[T, TimeWindow]):
    """An element is in the window that its timestamp is in.

    :ivar size: length of a window, ms.
    :ivar offset: start of the windows, counted from the full ``size`` of the epoch, ms. Days that begin at midnight
        in UTC+8 have ``Time.hours(-8)``.
    """

    def __init__(self, size: int, offset: int = 0) -> None:
        """:raises ValueError: not ``abs(offset) < size``."""
        check_tumbling("TumblingEventTimeWindows", size, offset)
        self.size = size
        self.offset = offset

    @staticmethod
    def of(
        size: Duration | Time | timedelta, offset: Duration | Time | timedelta | None = None
    ) -> TumblingEventTimeWindows[T]:
        """Return windows of a size."""
        return TumblingEventTimeWindows(milliseconds_of(size), 0 if offset is None else milliseconds_of(offset))

    def assign_windows(
        self, element: T, timestamp: int, context: WindowAssigner.WindowAssignerContext
    ) -> Collection[TimeWindow]:
        check_timestamp(timestamp, self)
        start = timestamp - (timestamp - self.offset) % self.size
        return (TimeWindow(start, start + self.size),)

    def get_default_trigger(self, env: Any) -> EventTimeTrigger[T]:
        return EventTimeTrigger()

    def get_window_serializer(self) -> TimeWindowSerializer:
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"TumblingEventTimeWindows({self.size}, {self.offset})"


class TumblingProcessingTimeWindows(WindowAssigner[T, TimeWindow]):
    """An element is in the window that the time of day is in.

    :ivar size: length of a window, ms.
    :ivar offset: as that of :class:`TumblingEventTimeWindows`.
    """

    def __init__(self, size: int, offset: int = 0) -> None:
        """:raises ValueError: not ``abs(offset) < size``."""
        check_tumbling("TumblingProcessingTimeWindows", size, offset)
        self.size = size
        self.offset = offset

    @staticmethod
    def of(
        size: Duration | Time | timedelta, offset: Duration | Time | timedelta | None = None
    ) -> TumblingProcessingTimeWindows[T]:
        """Return windows of a size."""
        return TumblingProcessingTimeWindows(milliseconds_of(size), 0 if offset is None else milliseconds_of(offset))

    def assign_windows(
        self, element: T, timestamp: int, context: WindowAssigner.WindowAssignerContext
    ) -> Collection[TimeWindow]:
        now = context.get_current_processing_time()
        start = now - (now - self.offset) % self.size
        return (TimeWindow(start, start + self.size),)

    def get_default_trigger(self, env: Any) -> ProcessingTimeTrigger[T]:
        return ProcessingTimeTrigger()

    def get_window_serializer(self) -> TimeWindowSerializer:
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"TumblingProcessingTimeWindows({self.size}, {self.offset})"
