"""Tells the highest temperature of each sensor in each ten seconds, by the time at which it was measured."""

from __future__ import annotations

from millstream.common import Duration, Time, WatermarkStrategy
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.window import TumblingEventTimeWindows

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(2)

readings = [("s1", 20.5, 1_000), ("s2", 18.0, 4_500), ("s1", 22.5, 11_000), ("s1", 21.5, 9_000), ("s2", 17.0, 12_000)]
out_of_order = Duration.of_seconds(5)  # at most
by_time = WatermarkStrategy.for_bounded_out_of_orderness(out_of_order).with_timestamp_assigner(lambda each: each[2])

(
    env.from_collection(readings)
    .assign_timestamps_and_watermarks(by_time)
    .key_by(lambda each: each[0])
    .window(TumblingEventTimeWindows.of(Time.seconds(10)))
    .max_by(1)
    .print()
)

env.execute("Highest temperatures")
