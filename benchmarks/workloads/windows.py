"""W3 and W3b: averages in windows of event time.

About one reading per sensor is in a window of a second, so all that is done once per key and window counts fully.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.workloads.readings import (
    MOST_DISORDER_MS,
    Reading,
    ReadingTime,
    TotalsSink,
    make_reading,
    readings,
    sensor_of,
)
from millstream.common import Time
from millstream.datastream.functions import AggregateFunction
from millstream.datastream.window import SlidingEventTimeWindows, TumblingEventTimeWindows

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["bare_sliding", "bare_tumbling", "sliding_job", "tumbling_job"]

_Sum = tuple[int, int, int]


class AverageTemperature(AggregateFunction):
    """A sensor and the average of its temperatures."""

    def create_accumulator(self) -> _Sum:
        return 0, 0, 0

    def add(self, value: Reading, accumulator: _Sum) -> _Sum:
        return value[0], accumulator[1] + value[2], accumulator[2] + 1

    def get_result(self, accumulator: _Sum) -> tuple[int, float]:
        return accumulator[0], accumulator[1] / accumulator[2]

    def merge(self, acc_a: _Sum, acc_b: _Sum) -> _Sum:
        return acc_a[0], acc_a[1] + acc_b[1], acc_a[2] + acc_b[2]


def tumbling_job(env: StreamExecutionEnvironment, count: str, directory: str) -> None:
    windows = readings(env, count).key_by(sensor_of).window(TumblingEventTimeWindows.of(Time.seconds(1)))
    windows.aggregate(AverageTemperature()).add_sink(TotalsSink(directory))


def sliding_job(env: StreamExecutionEnvironment, count: str, directory: str) -> None:
    windows = SlidingEventTimeWindows.of(Time.seconds(10), Time.seconds(1))
    averages = readings(env, count).key_by(sensor_of).window(windows).aggregate(AverageTemperature())
    averages.add_sink(TotalsSink(directory))


def bare_tumbling(count: str, directory: str) -> float:
    """W3 without an engine; returns seconds."""
    size = 1_000
    sink = TotalsSink(directory)
    average = AverageTemperature()
    timestamps = ReadingTime()
    windows: dict[int, dict[int, _Sum]] = {}
    latest = -MOST_DISORDER_MS
    next_end = size
    started = time.perf_counter()
    for number in range(1, int(count) + 1):
        reading = make_reading(number)
        timestamp = timestamps.extract_timestamp(reading, -1)
        start = timestamp - timestamp % size
        window = windows.get(start)
        if window is None:
            window = windows[start] = {}
        sensor = sensor_of(reading)
        accumulator = window.get(sensor)
        if accumulator is None:
            accumulator = average.create_accumulator()
        window[sensor] = average.add(reading, accumulator)
        if timestamp > latest:
            latest = timestamp
            if timestamp - MOST_DISORDER_MS >= next_end:
                next_end = _fire(windows, size, timestamp - MOST_DISORDER_MS, average, sink)
    _fire(windows, size, None, average, sink)
    elapsed = time.perf_counter() - started
    sink.close()
    return elapsed


def bare_sliding(count: str, directory: str) -> float:
    """W3b without an engine; returns seconds."""
    size, slide = 10_000, 1_000
    sink = TotalsSink(directory)
    average = AverageTemperature()
    timestamps = ReadingTime()
    windows: dict[int, dict[int, _Sum]] = {}
    latest = -MOST_DISORDER_MS
    next_end = 0
    started = time.perf_counter()
    for number in range(1, int(count) + 1):
        reading = make_reading(number)
        timestamp = timestamps.extract_timestamp(reading, -1)
        sensor = sensor_of(reading)
        for start in range(timestamp - timestamp % slide, timestamp - size, -slide):
            window = windows.get(start)
            if window is None:
                window = windows[start] = {}
            accumulator = window.get(sensor)
            if accumulator is None:
                accumulator = average.create_accumulator()
            window[sensor] = average.add(reading, accumulator)
        if timestamp > latest:
            latest = timestamp
            if timestamp - MOST_DISORDER_MS >= next_end:
                next_end = _fire(windows, size, timestamp - MOST_DISORDER_MS, average, sink)
    _fire(windows, size, None, average, sink)
    elapsed = time.perf_counter() - started
    sink.close()
    return elapsed


def _fire(
    windows: dict[int, dict[int, _Sum]], size: int, now: int | None, average: AverageTemperature, sink: TotalsSink
) -> int:
    """Emit the windows that end by ``now`` (``None``: all); return when the next one does."""
    for start in sorted(windows):
        if now is not None and start + size > now:
            return start + size
        for accumulator in windows.pop(start).values():
            sink.invoke(average.get_result(accumulator), None)
    return size + (0 if now is None else now)
