"""Windows of one size that begin at a fixed distance from one another, and overlap as a rule."""

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
from millstream.datastream.window.window_settings import check_sliding

__all__ = ["SlidingEventTimeWindows", "SlidingProcessingTimeWindows"]


class SlidingEventTimeWindows(WindowAssigner[T, TimeWindow]):
    """An element is in all windows that its timestamp is in.

    :ivar size: length of a window, ms.
    :ivar slide: from the start of a window to that of the next one, ms. If it is above ``size``, some elements are in
        no window.
    :ivar offset: start of the windows, counted from the full ``slide`` of the epoch, ms.
    """

    def __init__(self, size: int, slide: int, offset: int = 0) -> None:
        """:raises ValueError: not ``abs(offset) < slide`` and ``size > 0``."""
        check_sliding("SlidingEventTimeWindows", size, slide, offset)
        self.size = size
        self.slide = slide
        self.offset = offset

    @staticmethod
    def of(
        size: Duration | Time | timedelta,
        slide: Duration | Time | timedelta,
        offset: Duration | Time | timedelta | None = None,
    ) -> SlidingEventTimeWindows[T]:
        """Return windows of a size and slide."""
        return SlidingEventTimeWindows(
            milliseconds_of(size), milliseconds_of(slide), 0 if offset is None else milliseconds_of(offset)
        )

    def assign_windows(
        self, element: T, timestamp: int, context: WindowAssigner.WindowAssignerContext
    ) -> Collection[TimeWindow]:
        check_timestamp(timestamp, self)
        size = self.size
        last = timestamp - (timestamp - self.offset) % self.slide
        return [TimeWindow(start, start + size) for start in range(last, timestamp - size, -self.slide)]

    def get_default_trigger(self, env: Any) -> EventTimeTrigger[T]:
        return EventTimeTrigger()

    def get_window_serializer(self) -> TimeWindowSerializer:
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"SlidingEventTimeWindows({self.size}, {self.slide}, {self.offset})"


class SlidingProcessingTimeWindows(WindowAssigner[T, TimeWindow]):
    """An element is in all windows that the time of day is in.

    :ivar size: length of a window, ms.
    :ivar slide: as that of :class:`SlidingEventTimeWindows`.
    :ivar offset: as that of :class:`SlidingEventTimeWindows`.
    """

    def __init__(self, size: int, slide: int, offset: int = 0) -> None:
        """:raises ValueError: not ``abs(offset) < slide`` and ``size > 0``."""
        check_sliding("SlidingProcessingTimeWindows", size, slide, offset)
        self.size = size
        self.slide = slide
        self.offset = offset

    @staticmethod
    def of(
        size: Duration | Time | timedelta,
        slide: Duration | Time | timedelta,
        offset: Duration | Time | timedelta | None = None,
    ) -> SlidingProcessingTimeWindows[T]:
        """Return windows of a size and slide."""
        return SlidingProcessingTimeWindows(
            milliseconds_of(size), milliseconds_of(slide), 0 if offset is None else milliseconds_of(offset)
        )

    def assign_windows(
        self, element: T, timestamp: int, context: WindowAssigner.WindowAssignerContext
    ) -> Collection[TimeWindow]:
        now = context.get_current_processing_time()
        size = self.size
        last = now - (now - self.offset) % self.slide
        return [TimeWindow(start, start + size) for start in range(last, now - size, -self.slide)]

    def get_default_trigger(self, env: Any) -> ProcessingTimeTrigger[T]:
        return ProcessingTimeTrigger()

    def get_window_serializer(self) -> TimeWindowSerializer:
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"SlidingProcessingTimeWindows({self.size}, {self.slide}, {self.offset})"
