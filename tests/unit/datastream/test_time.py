"""What a program says about time goes where it is needed."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

from millstream.common import AssignerWithPeriodicWatermarks, Duration, Time, Watermark, WatermarkStrategy
from millstream.common.graph.operator_spec import SourceSpec, TimestampsSpec
from millstream.datastream import RuntimeExecutionMode, StreamExecutionEnvironment, TimeCharacteristic
from millstream.datastream.connectors import NumberSequenceSource
from millstream.datastream.window import (
    SlidingEventTimeWindows,
    SlidingProcessingTimeWindows,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)
from millstream.datastream.window_short_forms import time_window_assigner
from tests.unit.datastream.conftest import RecordingExecutor

STRATEGY = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1))


class Assigner(AssignerWithPeriodicWatermarks):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value)

    def get_current_watermark(self) -> Watermark:
        return Watermark(1)


def specs(executor: RecordingExecutor) -> list[Any]:
    return [
        pickle.loads(operator.spec)
        for graph in executor.graphs
        for vertex in graph.vertices
        for operator in vertex.operators
    ]


# ---------------------------------------------------------------- the kind of time


def test_event_time_is_the_default(env: StreamExecutionEnvironment) -> None:
    assert env.get_stream_time_characteristic() is TimeCharacteristic.EventTime
    assert env.get_config().get_auto_watermark_interval() == 200


def test_each_characteristic_has_its_watermark_interval(env: StreamExecutionEnvironment) -> None:
    for characteristic, interval in (
        (TimeCharacteristic.ProcessingTime, 0),
        (TimeCharacteristic.IngestionTime, 200),
        (TimeCharacteristic.EventTime, 200),
    ):
        env.set_stream_time_characteristic(characteristic)
        assert env.get_stream_time_characteristic() is characteristic
        assert env.get_config().get_auto_watermark_interval() == interval
    env.get_config().set_auto_watermark_interval(50)
    assert env.get_config().get_auto_watermark_interval() == 50


def test_the_characteristic_is_one(env: StreamExecutionEnvironment) -> None:
    with pytest.raises(TypeError, match="takes a TimeCharacteristic, not 'EventTime'"):
        env.set_stream_time_characteristic("EventTime")  # type: ignore[arg-type]  # that is what is refused
    assert [each.value for each in TimeCharacteristic] == [0, 1, 2]


def test_characteristic_and_interval_travel_with_the_job(
    env: StreamExecutionEnvironment, executor: RecordingExecutor
) -> None:
    env.set_stream_time_characteristic(TimeCharacteristic.IngestionTime)
    env.get_config().set_auto_watermark_interval(50)
    env.from_sequence(1, 2).print()
    env.execute()
    settings = executor.graphs[0].configuration
    assert settings["pipeline.time-characteristic"] == "IngestionTime"
    assert settings["pipeline.auto-watermark-interval"] == "50 ms"


# ---------------------------------------------------------------- strategies


def test_strategies_travel_with_their_operators(env: StreamExecutionEnvironment, executor: RecordingExecutor) -> None:
    source = env.from_source(NumberSequenceSource(1, 2), STRATEGY, "numbers")
    source.assign_timestamps_and_watermarks(STRATEGY).assign_ascending_timestamps(int).print()
    env.from_source(NumberSequenceSource(1, 2), None, "plain").assign_timestamps_and_watermarks(Assigner()).print()
    env.execute()
    found = specs(executor)
    of_sources = [spec.watermark_strategy for spec in found if isinstance(spec, SourceSpec)]
    assert [strategy.changes_nothing() for strategy in of_sources] == [False, True]
    assigners = [
        spec.watermark_strategy.create_timestamp_assigner() for spec in found if isinstance(spec, TimestampsSpec)
    ]
    assert assigners[:2] == [None, int]
    assert isinstance(assigners[2], Assigner)


def test_batch_jobs_tell_their_operators(env: StreamExecutionEnvironment, executor: RecordingExecutor) -> None:
    env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    env.from_source(NumberSequenceSource(1, 2), STRATEGY, "numbers").assign_timestamps_and_watermarks(STRATEGY).print()
    env.execute()
    assert [spec.batch for spec in specs(executor) if isinstance(spec, (SourceSpec, TimestampsSpec))] == [True, True]


def test_a_strategy_that_is_changed_later_is_the_one_that_was_given(
    env: StreamExecutionEnvironment, executor: RecordingExecutor
) -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps()
    env.from_sequence(1, 2).assign_timestamps_and_watermarks(strategy).print()
    strategy.with_timestamp_assigner(int)
    env.execute()
    (spec,) = [spec for spec in specs(executor) if isinstance(spec, TimestampsSpec)]
    assert spec.watermark_strategy.create_timestamp_assigner() is None


def test_what_is_no_strategy_is_refused(env: StreamExecutionEnvironment) -> None:
    with pytest.raises(TypeError, match="assigned by a WatermarkStrategy, for example"):
        env.from_sequence(1, 2).assign_timestamps_and_watermarks(5)


# ---------------------------------------------------------------- short forms of windows


@pytest.mark.parametrize("size", [Time.seconds(6), Duration.of_seconds(6), timedelta(seconds=6), 6000])
def test_lengths_of_time_windows(env: StreamExecutionEnvironment, size: Any) -> None:
    assigner = time_window_assigner(env, size)
    assert isinstance(assigner, TumblingEventTimeWindows)
    assert assigner.size == 6000
    sliding = time_window_assigner(env, size, size)
    assert isinstance(sliding, SlidingEventTimeWindows)
    assert (sliding.size, sliding.slide) == (6000, 6000)


def test_time_windows_go_by_the_jobs_kind_of_time(env: StreamExecutionEnvironment) -> None:
    env.set_stream_time_characteristic(TimeCharacteristic.ProcessingTime)
    assert isinstance(time_window_assigner(env, 10), TumblingProcessingTimeWindows)
    assert isinstance(time_window_assigner(env, 10, 5), SlidingProcessingTimeWindows)
    env.set_stream_time_characteristic(TimeCharacteristic.IngestionTime)
    assert isinstance(time_window_assigner(env, 10), TumblingEventTimeWindows)


def test_time_windows_that_are_refused(env: StreamExecutionEnvironment) -> None:
    with pytest.raises(TypeError, match=r"test_time\.py:\d+: size of a time window: '5 s' is no length"):
        time_window_assigner(env, "5 s")  # type: ignore[arg-type]  # that is what is refused
    with pytest.raises(ValueError, match=r"test_time\.py:\d+: .* slide 0"):
        time_window_assigner(env, 5, 0)
