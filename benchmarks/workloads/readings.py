"""Sensor readings: the input of the workloads with event time.

A reading is ``(sensor, timestamp in ms, temperature)``. They come 1 ms apart, up to 100 ms out of order, from sensors
at random; the same for each number, on any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.workloads.workload import write_result
from millstream.common import Duration
from millstream.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from millstream.datastream.functions import RuntimeContext, SinkFunction

if TYPE_CHECKING:
    from millstream.datastream import DataStream, StreamExecutionEnvironment

__all__ = ["MOST_DISORDER_MS", "Reading", "ReadingTime", "TotalsSink", "make_reading", "readings", "sensor_of", "timed"]

MOST_DISORDER_MS = 100
Reading = tuple[int, int, int]


def make_reading(number: int) -> Reading:
    mixed = number * 2654435761 & 0xFFFFFFFF
    mixed ^= mixed >> 15
    return mixed % 10_000, number - mixed % 101, (mixed >> 8) % 400


def sensor_of(reading: Reading) -> int:
    return reading[0]


class ReadingTime(TimestampAssigner):
    """The timestamp is in the reading."""

    def extract_timestamp(self, value: Reading, record_timestamp: int) -> int:
        return value[1]


def timed(readings: DataStream) -> DataStream:
    """Let readings have their event time."""
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(MOST_DISORDER_MS))
    return readings.assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(ReadingTime()))


def readings(env: StreamExecutionEnvironment, count: str) -> DataStream:
    """Return a stream of readings with event time."""
    return timed(env.from_sequence(1, int(count)).map(make_reading))


class TotalsSink(SinkFunction):
    """Takes ``(key, number)``; leaves their count and their sums in ``<directory>/<subtask>.json``."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.count = 0
        self.keys = 0
        self.total = 0
        self.subtask = 0

    def open(self, runtime_context: RuntimeContext) -> None:
        self.subtask = runtime_context.get_index_of_this_subtask()

    def invoke(self, value: tuple[int, float], context: Any) -> None:
        self.count += 1
        self.keys += value[0]
        self.total += int(value[1] * 1000)

    def close(self) -> None:
        write_result(self.directory, self.subtask, {"count": self.count, "keys": self.keys, "total": self.total})
