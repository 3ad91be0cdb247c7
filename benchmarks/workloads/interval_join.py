"""W5: an interval join of two streams of readings, from 1,000 sensors each, +-100 ms."""

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
    sensor_of,
    timed,
)
from millstream.common import Time
from millstream.datastream.functions import ProcessJoinFunction

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["bare_interval_join", "interval_join_job"]

_BOUND_MS = 100
_FORGET_EVERY = 10_000

_Kept = dict[int, list[tuple[int, Reading]]]


def make_left(number: int) -> Reading:
    sensor, timestamp, temperature = make_reading(number)
    return sensor % 1_000, timestamp, temperature


def make_right(number: int) -> Reading:
    mixed = number * 2246822519 & 0xFFFFFFFF
    mixed ^= mixed >> 13
    return mixed % 1_000, number - mixed % 101, (mixed >> 8) % 400


class Difference(ProcessJoinFunction):
    """A sensor and the difference of two temperatures."""

    def process_element(self, left: Reading, right: Reading, ctx: Any) -> Iterator[tuple[int, int]]:
        yield left[0], left[2] - right[2]


def interval_join_job(env: StreamExecutionEnvironment, count: str, directory: str) -> None:
    left = timed(env.from_sequence(1, int(count)).map(make_left)).key_by(sensor_of)
    right = timed(env.from_sequence(1, int(count)).map(make_right)).key_by(sensor_of)
    joined = left.interval_join(right).between(Time.milliseconds(-_BOUND_MS), Time.milliseconds(_BOUND_MS))
    joined.process(Difference()).add_sink(TotalsSink(directory))


def bare_interval_join(count: str, directory: str) -> float:
    """W5 without an engine; returns seconds."""
    sink = TotalsSink(directory)
    join = Difference()
    timestamps = ReadingTime()
    lefts: _Kept = {}
    rights: _Kept = {}
    started = time.perf_counter()
    for number in range(1, int(count) + 1):
        left = make_left(number)
        timestamp = timestamps.extract_timestamp(left, -1)
        sensor = sensor_of(left)
        lefts.setdefault(sensor, []).append((timestamp, left))
        for other_timestamp, right in rights.get(sensor, ()):
            if timestamp - _BOUND_MS <= other_timestamp <= timestamp + _BOUND_MS:
                for result in join.process_element(left, right, None):
                    sink.invoke(result, None)
        right = make_right(number)
        timestamp = timestamps.extract_timestamp(right, -1)
        sensor = sensor_of(right)
        rights.setdefault(sensor, []).append((timestamp, right))
        for other_timestamp, left in lefts.get(sensor, ()):
            if timestamp - _BOUND_MS <= other_timestamp <= timestamp + _BOUND_MS:
                for result in join.process_element(left, right, None):
                    sink.invoke(result, None)
        if not number % _FORGET_EVERY:
            oldest = number - 2 * MOST_DISORDER_MS - _BOUND_MS
            _forget(lefts, oldest)
            _forget(rights, oldest)
    elapsed = time.perf_counter() - started
    sink.close()
    return elapsed


def _forget(kept: _Kept, oldest: int) -> None:
    """Drop what no reading can belong to any more."""
    for sensor, held in list(kept.items()):
        if held[0][0] < oldest:
            left = [each for each in held if each[0] >= oldest]
            if left:
                kept[sensor] = left
            else:
                del kept[sensor]
