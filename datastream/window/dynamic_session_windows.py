"""Sessions with a gap that each element gives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.datastream.call_site import call_site
from millstream.datastream.window.element_type import T
from millstream.datastream.window.event_time_trigger import EventTimeTrigger
from millstream.datastream.window.no_timestamp import check_timestamp
from millstream.datastream.window.processing_time_trigger import ProcessingTimeTrigger
from millstream.datastream.window.session_window_time_gap_extractor import SessionWindowTimeGapExtractor
from millstream.datastream.window.time_window import TimeWindow
from millstream.datastream.window.window_assigner import MergingWindowAssigner
from millstream.datastream.window.window_serializer import TimeWindowSerializer

__all__ = ["DynamicEventTimeSessionWindows", "DynamicProcessingTimeSessionWindows", "check_gap", "extraction_of"]


def _check_extractor(extractor: Any) -> None:
    if not callable(getattr(extractor, "extract", None)) and not callable(extractor):
        raise TypeError(
            f"{call_site()}: a dynamic gap needs a SessionWindowTimeGapExtractor or a callable, not {extractor!r}"
        )


def extraction_of(extractor: Any) -> Callable[[Any], Any]:
    """Return what gives the gap of an element."""
    extract: Callable[[Any], Any] = getattr(extractor, "extract", extractor)
    return extract


def check_gap(gap: Any, extractor: Any) -> None:
    """:raises MillstreamError: ``extractor`` gave what is no gap."""
    if not isinstance(gap, int) or gap <= 0:
        raise MillstreamError(
            f"Dynamic session time gap must satisfy 0 < gap: {type(extractor).__name__} gave {gap!r} (ms, an int)"
        )


def _gap(extractor: Any, element: Any) -> int:
    gap: int = extraction_of(extractor)(element)
    check_gap(gap, extractor)
    return gap


class DynamicEventTimeSessionWindows(MergingWindowAssigner[T, TimeWindow]):
    """Sessions in event time; those of two elements merge when they overlap or touch.

    :ivar extractor: gives an element's gap.
    """

    def __init__(self, session_window_time_gap_extractor: SessionWindowTimeGapExtractor) -> None:
        _check_extractor(session_window_time_gap_extractor)
        self.extractor = session_window_time_gap_extractor

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
        return (TimeWindow(timestamp, timestamp + _gap(self.extractor, element)),)

    def get_default_trigger(self, env: Any) -> EventTimeTrigger[T]:
        return EventTimeTrigger()

    def get_window_serializer(self) -> TimeWindowSerializer:
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"DynamicEventTimeSessionWindows({type(self.extractor).__name__})"


class DynamicProcessingTimeSessionWindows(MergingWindowAssigner[T, TimeWindow]):
    """Sessions in processing time; those of two elements merge when they overlap or touch.

    :ivar extractor: gives an element's gap.
    """

    def __init__(self, session_window_time_gap_extractor: SessionWindowTimeGapExtractor) -> None:
        _check_extractor(session_window_time_gap_extractor)
        self.extractor = session_window_time_gap_extractor

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
        return (TimeWindow(now, now + _gap(self.extractor, element)),)

    def get_default_trigger(self, env: Any) -> ProcessingTimeTrigger[T]:
        return ProcessingTimeTrigger()

    def get_window_serializer(self) -> TimeWindowSerializer:
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"DynamicProcessingTimeSessionWindows({type(self.extractor).__name__})"
