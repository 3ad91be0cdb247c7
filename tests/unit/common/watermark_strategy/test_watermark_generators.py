"""Laws of the generators that are there already."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Duration
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP
from millstream.common.watermark_strategy import (
    AscendingTimestampsWatermarks,
    BoundedOutOfOrdernessWatermarks,
    NoWatermarksGenerator,
    Watermark,
    WatermarkOutput,
    WatermarksWithIdleness,
)
from millstream.common.watermark_strategy.conversion import takes_highest_only
from millstream.common.watermark_strategy.input_activity_clock import InputActivityClock


class Output(WatermarkOutput):
    def __init__(self) -> None:
        self.log: list[object] = []

    def emit_watermark(self, watermark: Watermark | int) -> None:
        self.log.append(watermark.timestamp if isinstance(watermark, Watermark) else watermark)

    def mark_idle(self) -> None:
        self.log.append("idle")

    def mark_active(self) -> None:
        self.log.append("active")


class HandClock:
    def __init__(self) -> None:
        self.now = 0

    def now_ms(self) -> int:
        return self.now


@given(st.lists(st.integers(MIN_TIMESTAMP, MAX_TIMESTAMP)), st.integers(0, 10**9))
def test_bounded_disorder_lags_by_the_bound_and_one(timestamps: list[int], bound: int) -> None:
    generator = BoundedOutOfOrdernessWatermarks(Duration.of_millis(bound))
    output = Output()
    for timestamp in timestamps:
        generator.on_event(None, timestamp, output)
    assert output.log == []
    generator.on_periodic_emit(output)
    expected = max([each - bound - 1 for each in timestamps], default=MIN_TIMESTAMP)
    assert output.log == [max(expected, MIN_TIMESTAMP)]


def test_ascending_timestamps_lag_by_one() -> None:
    generator = AscendingTimestampsWatermarks()
    output = Output()
    generator.on_periodic_emit(output)
    generator.on_event(None, 7, output)
    generator.on_periodic_emit(output)
    assert output.log == [MIN_TIMESTAMP, 6]


def test_bounds_are_not_negative_and_timeouts_are_positive() -> None:
    with pytest.raises(ValueError, match="negative"):
        BoundedOutOfOrdernessWatermarks(Duration.of_millis(-5))
    with pytest.raises(ValueError, match="positive"):
        WatermarksWithIdleness(NoWatermarksGenerator(), Duration.of_millis(0))


def test_idle_after_the_timeout_and_active_with_the_next_record() -> None:
    clock = HandClock()
    generator = WatermarksWithIdleness(
        AscendingTimestampsWatermarks(), Duration.of_millis(1000), InputActivityClock(clock.now_ms)
    )
    output = Output()

    def at(now: int) -> list[object]:
        clock.now = now
        output.log.clear()
        generator.on_periodic_emit(output)
        return list(output.log)

    generator.on_event("x", 10, output)
    assert at(200) == [9]
    assert at(1000) == [9]
    assert at(1199) == [9]
    assert at(1200) == ["idle"]
    assert at(1400) == []
    generator.on_event("y", 20, output)
    assert output.log == ["active"]
    assert at(1600) == [19]


def test_a_stream_without_any_record_becomes_idle() -> None:
    clock = HandClock()
    generator = WatermarksWithIdleness(
        NoWatermarksGenerator(), Duration.of_millis(100), InputActivityClock(clock.now_ms)
    )
    output = Output()
    generator.on_periodic_emit(output)
    clock.now = 100
    generator.on_periodic_emit(output)
    assert output.log == ["idle"]


def test_the_time_that_the_input_was_held_up_does_not_count() -> None:
    clock = HandClock()
    activity = InputActivityClock(clock.now_ms)
    generator = WatermarksWithIdleness(NoWatermarksGenerator(), Duration.of_millis(100), activity)
    output = Output()
    clock.now = 50
    activity.pause()
    activity.pause()
    clock.now = 5000
    generator.on_periodic_emit(output)
    assert activity.relative_time_ms() == 50
    activity.unpause()
    activity.unpause()
    clock.now = 5049
    generator.on_periodic_emit(output)
    assert output.log == []
    clock.now = 5050
    generator.on_periodic_emit(output)
    assert output.log == ["idle"]


def test_idleness_works_with_the_clock_of_the_machine() -> None:
    output = Output()
    generator = WatermarksWithIdleness(AscendingTimestampsWatermarks(), Duration.of_days(1))
    generator.on_event("x", 3, output)
    generator.on_periodic_emit(output)
    assert output.log == [2]


def test_who_is_content_with_the_highest_timestamp_of_a_batch() -> None:
    class Own(AscendingTimestampsWatermarks):
        def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
            """Sees each record."""

    second = Duration.of_seconds(1)
    assert takes_highest_only(NoWatermarksGenerator())
    assert takes_highest_only(AscendingTimestampsWatermarks())
    assert takes_highest_only(BoundedOutOfOrdernessWatermarks(second))
    assert takes_highest_only(WatermarksWithIdleness(AscendingTimestampsWatermarks(), second))
    assert not takes_highest_only(Own())
    assert not takes_highest_only(WatermarksWithIdleness(Own(), second))
