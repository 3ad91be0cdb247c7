"""W4: a process function with state and a timer per key and 10 s of event time.

There are about as many sensors as readings in that time, so nearly every reading changes the state and sets a timer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.workloads.readings import (
    MOST_DISORDER_MS,
    Reading,
    ReadingTime,
    TotalsSink,
    make_reading,
    readings,
    sensor_of,
)
from millstream.common import Types
from millstream.datastream.functions import KeyedProcessFunction, RuntimeContext
from millstream.datastream.state import ValueStateDescriptor

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["bare_timers", "timers_job"]

_INTERVAL_MS = 10_000


class SensorsInInterval(KeyedProcessFunction):
    """At the end of each interval of 10 s, emits the sensors that were heard of in it."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.end: Any = runtime_context.get_state(ValueStateDescriptor("end of interval", Types.LONG()))

    def process_element(self, value: Reading, ctx: Any) -> None:
        timestamp = ctx.timestamp()
        end = timestamp - timestamp % _INTERVAL_MS + _INTERVAL_MS
        if self.end.value() != end:
            self.end.update(end)
            ctx.timer_service().register_event_time_timer(end)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[tuple[int, int]]:
        yield ctx.get_current_key(), timestamp
        if self.end.value() == timestamp:
            self.end.clear()


def timers_job(env: StreamExecutionEnvironment, count: str, directory: str) -> None:
    readings(env, count).key_by(sensor_of).process(SensorsInInterval()).add_sink(TotalsSink(directory))


def bare_timers(count: str, directory: str) -> float:
    """W4 without an engine: what the process function does, on dictionaries; returns seconds."""
    sink = TotalsSink(directory)
    timestamps = ReadingTime()
    ends: dict[int, int] = {}
    timers: dict[int, set[int]] = {}
    latest = -MOST_DISORDER_MS
    next_time = 0
    started = time.perf_counter()
    for number in range(1, int(count) + 1):
        reading = make_reading(number)
        timestamp = timestamps.extract_timestamp(reading, -1)
        sensor = sensor_of(reading)
        end = timestamp - timestamp % _INTERVAL_MS + _INTERVAL_MS
        if ends.get(sensor) != end:
            ends[sensor] = end
            due = timers.get(end)
            if due is None:
                due = timers[end] = set()
            due.add(sensor)
        if timestamp > latest:
            latest = timestamp
            if timestamp - MOST_DISORDER_MS > next_time:
                next_time = _fire(timers, ends, timestamp - MOST_DISORDER_MS, sink)
    _fire(timers, ends, None, sink)
    elapsed = time.perf_counter() - started
    sink.close()
    return elapsed


def _fire(timers: dict[int, set[int]], ends: dict[int, int], now: int | None, sink: TotalsSink) -> int:
    """Emit the sensors of the intervals that end before ``now`` (``None``: all); return when the next one does."""
    for end in sorted(timers):
        if now is not None and end >= now:
            return end
        for sensor in timers.pop(end):
            sink.invoke((sensor, end), None)
            if ends.get(sensor) == end:
                del ends[sensor]
    return 0 if now is None else now
