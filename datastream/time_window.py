"""The windows of the short forms ``time_window`` and ``time_window_all``, which leave the kind of time to the job."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from millstream.common.time import Duration, Time
from millstream.datastream.time_characteristic import TimeCharacteristic
from millstream.datastream.window import (
    SlidingEventTimeWindows,
    SlidingProcessingTimeWindows,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    WindowAssigner,
)

if TYPE_CHECKING:
    from millstream.datastream.stream_execution_environment import StreamExecutionEnvironment

__all__ = ["time_window_assigner"]


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
    length = _duration(size, "size")
    step = None if slide is None else _duration(slide, "slide")
    if environment.get_stream_time_characteristic() is TimeCharacteristic.ProcessingTime:
        if step is None:
            return TumblingProcessingTimeWindows.of(length)
        return SlidingProcessingTimeWindows.of(length, step)
    if step is None:
        return TumblingEventTimeWindows.of(length)
    return SlidingEventTimeWindows.of(length, step)


def _duration(given: Time | Duration | timedelta | int, what: str) -> Time:
    if isinstance(given, Time):
        length = given
    elif isinstance(given, Duration):
        length = Time.milliseconds(given.to_millis())
    elif isinstance(given, timedelta):
        length = Time.milliseconds(given // timedelta(milliseconds=1))
    elif isinstance(given, int) and not isinstance(given, bool):
        length = Time.milliseconds(given)
    else:
        raise TypeError(
            f"the {what} of a time window is a Time such as Time.seconds(5), a Duration, a timedelta or a number of "
            f"ms, not {given!r} of type {type(given).__name__}"
        )
    if length.to_milliseconds() <= 0:
        raise ValueError(f"the {what} of a time window must be positive, not {given!r}")
    return length
