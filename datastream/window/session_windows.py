"""Windows that end when nothing has come for a while."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from millstream.common.time import Duration, Time, milliseconds_of
from millstream.datastream.window.dynamic_session_windows import (
    DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
)
from millstream.datastream.window.element_type import T
from millstream.datastream.window.event_time_trigger import EventTimeTrigger
from millstream.datastream.window.no_timestamp import check_timestamp
from millstream.datastream.window.processing_time_trigger import ProcessingTimeTrigger
from millstream.datastream.window.session_window_time_gap_extractor import SessionWindowTimeGapExtractor
from millstream.datastream.window.time_window import TimeWindow
from millstream.datastream.window.window_assigner import MergingWindowAssigner
from millstream.datastream.window.window_serializer import TimeWindowSerializer
from millstream.datastream.window.window_settings import check_positive

__all__ = ["EventTimeSessionWindows", "ProcessingTimeSessionWindows"]


class EventTimeSessionWindows(MergingWindowAssigner[T, TimeWindow]):
    """A session ends when no timestamp is within ``session_gap`` after that of its last element.

    :ivar session_gap: ms.
    """

    def __init__(self, session_gap: int) -> None:
        """:raises ValueError: the gap is not above 0."""
        check_positive("EventTimeSessionWindows", session_gap=session_gap)
        self.session_gap = session_gap

    @staticmethod
    def with_gap(size: Duration | Time | timedelta) -> EventTimeSessionWindows[T]:
        """Return sessions with one gap for all elements."""
        return EventTimeSessionWindows(milliseconds_of(size))

    @staticmethod
    def with_dynamic_gap(extractor: SessionWindowTimeGapExtractor) -> DynamicEventTimeSessionWindows[T]:
        """Return sessions with a gap that is taken from each element."""
        return DynamicEventTimeSessionWindows(extractor)

    def merge_windows(
        self, windows: Iterable[TimeWindow], callback: MergingWindowAssigner.MergeCallback[TimeWindow]
    ) -> None:
        TimeWindow.merge_windows(windows, callback)

    def assign_windows(
        self, element: T, timestamp: int, context: MergingWindowAssigner.WindowAssignerContext
    ) -> Collection[TimeWindow]:
        check_timestamp(timestamp, self)
        return (TimeWindow(timestamp, timestamp + self.session_gap),)

    def get_default_trigger(self, env: Any) -> EventTimeTrigger[T]:
        return EventTimeTrigger()

    def get_window_serializer(self) -> TimeWindowSerializer:
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"EventTimeSessionWindows({self.session_gap})"


class ProcessingTimeSessionWindows(MergingWindowAssigner[T, TimeWindow]):
    """A session ends when no element has come for ``session_gap``.

    :ivar session_gap: ms.
    """

    def __init__(self, session_gap: int) -> None:
        """:raises ValueError: the gap is not above 0."""
        check_positive("ProcessingTimeSessionWindows", session_gap=session_gap)
        self.session_gap = session_gap

    @staticmethod
    def with_gap(size: Duration | Time | timedelta) -> ProcessingTimeSessionWindows[T]:
        """Return sessions with one gap for all elements."""
        return ProcessingTimeSessionWindows(milliseconds_of(size))

    @staticmethod
    def with_dynamic_gap(extractor: SessionWindowTimeGapExtractor) -> DynamicProcessingTimeSessionWindows[T]:
        """Return sessions with a gap that is taken from each element."""
        return DynamicProcessingTimeSessionWindows(extractor)

    def merge_windows(
        self, windows: Iterable[TimeWindow], callback: MergingWindowAssigner.MergeCallback[TimeWindow]
    ) -> None:
        TimeWindow.merge_windows(windows, callback)

    def assign_windows(
        self, element: T, timestamp: int, context: MergingWindowAssigner.WindowAssignerContext
    ) -> Collection[TimeWindow]:
        now = context.get_current_processing_time()
        return (TimeWindow(now, now + self.session_gap),)

    def get_default_trigger(self, env: Any) -> ProcessingTimeTrigger[T]:
        return ProcessingTimeTrigger()

    def get_window_serializer(self) -> TimeWindowSerializer:
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"ProcessingTimeSessionWindows({self.session_gap})"
