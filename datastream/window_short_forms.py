"""The windows of the short forms: ``time_window``, which leaves the kind of time to the job, and ``count_window``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millstream.datastream.length_of_time import length_in_ms
from millstream.datastream.time_characteristic import TimeCharacteristic
from millstream.datastream.window import (
    CountSlidingWindowAssigner,
    CountTumblingWindowAssigner,
    SlidingEventTimeWindows,
    SlidingProcessingTimeWindows,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    WindowAssigner,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from millstream.common.time import Duration, Time
    from millstream.datastream.stream_execution_environment import StreamExecutionEnvironment

__all__ = ["count_window_assigner", "time_window_assigner"]


def time_window_assigner(
    environment: StreamExecutionEnvironment,
    size: Time | Duration | timedelta | int,
    slide: Time | Duration | timedelta | int | None = None,
) -> WindowAssigner[Any, Any]:
    """Return tumbling, or with ``slide`` sliding, windows.

    They go by the clock if the program has set ``TimeCharacteristic.ProcessingTime``, else by event time.

    :param size: an int is a number of ms.
    :raises TypeError: a length is none.
    :raises ValueError: a length is not positive.
    """
    size_ms = length_in_ms(size, "size of a time window")
    by_the_clock = environment.get_stream_time_characteristic() is TimeCharacteristic.ProcessingTime
    if slide is None:
        return TumblingProcessingTimeWindows(size_ms) if by_the_clock else TumblingEventTimeWindows(size_ms)
    slide_ms = length_in_ms(slide, "slide of a time window")
    if by_the_clock:
        return SlidingProcessingTimeWindows(size_ms, slide_ms)
    return SlidingEventTimeWindows(size_ms, slide_ms)


def count_window_assigner(size: int, slide: int = 0) -> WindowAssigner[Any, Any]:
    """Return windows of ``size`` records; with ``slide`` one more begins after so many."""
    return CountSlidingWindowAssigner(size, slide) if slide else CountTumblingWindowAssigner(size)
