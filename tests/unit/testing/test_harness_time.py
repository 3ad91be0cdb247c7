"""Time in the harness: watermarks, the clock, timers; and operators that wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from millstream.common import Duration, Time, WatermarkStrategy
from millstream.common.records import MAX_WATERMARK
from millstream.datastream import AsyncDataStream, DataStream, OutputTag, RuntimeExecutionMode
from millstream.datastream.functions import AsyncFunction, KeyedProcessFunction, ProcessFunction
from millstream.datastream.window import (
    EventTimeSessionWindows,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)
from millstream.testing import OperatorHarness, StreamRecord, harness_for

LATE = OutputTag("late")


def total(stream: DataStream, assigner: Any, lateness: int = 0) -> DataStream:
    windowed = stream.key_by(lambda v: v[0]).window(assigner).allowed_lateness(lateness)
    return windowed.reduce(lambda a, b: (a[0], a[1] + b[1]))


def tumbling(stream: DataStream) -> DataStream:
    return total(stream, TumblingEventTimeWindows.of(Time.milliseconds(100)))


def sessions(stream: DataStream) -> DataStream:
    return total(stream, EventTimeSessionWindows.with_gap(Time.milliseconds(100)))


@pytest.mark.parametrize("fragment", [tumbling, sessions])
def test_windows_fire_by_watermarks(fragment: Any) -> None:
    with OperatorHarness(fragment) as harness:
        harness.process_batch([("a", 1), ("b", 2), ("a", 4)], timestamps=[0, 0, 50])
        assert harness.num_keyed_state_entries() > 0
        snapshot = harness.snapshot()
        harness.process_watermark(98)
        assert harness.get_output() == []
        harness.process_watermark(149)
        assert sorted(harness.take_output()) == [("a", 5), ("b", 2)]
        harness.end_input()
        assert harness.get_output() == []
        assert harness.get_output_watermark() == MAX_WATERMARK.timestamp
        assert harness.num_keyed_state_entries() == harness.num_event_time_timers() == 0
        with harness.restore(snapshot) as again:
            again.process_element(("b", 7), timestamp=20)
            again.end_input()
            assert sorted(again.get_output()) == [("a", 5), ("b", 9)]


def test_late_records() -> None:
    def redirected(stream: DataStream) -> DataStream:
        windowed = stream.key_by(lambda v: v[0]).window(TumblingEventTimeWindows.of(Time.milliseconds(100)))
        return windowed.side_output_late_data(LATE).reduce(lambda a, b: b)

    for fragment, dropped in ((tumbling, 1), (redirected, 0)):
        with OperatorHarness(fragment) as harness:
            harness.process_watermark(99)
            harness.process_element(("a", 1), timestamp=7)
            assert harness.late_records_dropped() == dropped
            assert harness.get_side_output_with_timestamps(LATE) == [(("a", 1), 7)][dropped:]
            assert harness.get_output() == []


def test_processing_time_windows() -> None:
    assigner: Any = TumblingProcessingTimeWindows.of(Time.milliseconds(100))
    with OperatorHarness(lambda s: total(s, assigner), processing_time=1_050) as harness:
        harness.process_element(("a", 1))
        harness.set_processing_time(1_099)
        harness.process_element(("a", 2))
        assert harness.get_output() == [], "its last millisecond is not over"
        harness.advance_processing_time(1)
        assert harness.take_output() == [("a", 3)]
        harness.process_element(("a", 4))
        harness.set_processing_time(5_000)
        assert harness.get_output() == [("a", 4)]


def test_batch_windows() -> None:
    with OperatorHarness(tumbling, runtime_mode=RuntimeExecutionMode.BATCH) as harness:
        harness.process_batch([("a", 1), ("a", 2), ("a", 4)], timestamps=[150, 20, 170])
        harness.end_input()
        assert harness.get_output() == [("a", 2), ("a", 5)]


def test_a_fragment_makes_its_own_watermarks() -> None:
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(5))

    def fragment(stream: DataStream) -> DataStream:
        return stream.assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(lambda v: v * 10))

    with OperatorHarness(fragment) as harness:
        harness.process_batch([1, 3, 2])
        harness.process_watermark(1_000)
        assert harness.get_output_with_timestamps() == [(1, 10), (3, 30), (2, 20)]
        assert harness.get_output_watermark() is None, "watermarks from before are dropped"
        harness.advance_processing_time(200)
        assert harness.get_output_watermark() == 24
        harness.end_input()
        assert harness.get_output_watermark() == MAX_WATERMARK.timestamp


class Ringing(KeyedProcessFunction):
    """Sets a timer by processing time, and in it another one, until it has rung three times."""

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> None:
        ctx.timer_service().register_processing_time_timer(value[1])

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Any:
        service = ctx.timer_service()
        yield ctx.get_current_key(), timestamp, service.current_processing_time()
        if timestamp < 300:
            service.register_processing_time_timer(timestamp + 100)


def test_processing_time_timers_fire_each_at_its_time() -> None:
    with harness_for(Ringing(), key_selector=lambda v: v[0]) as harness:
        harness.process_batch([("a", 100), ("b", 150)])
        assert (harness.num_processing_time_timers(), harness.num_event_time_timers()) == (2, 0)
        harness.set_processing_time(99)
        assert harness.get_output() == []
        snapshot = harness.snapshot()
        harness.set_processing_time(1_000)
        rung = [("a", 100), ("b", 150), ("a", 200), ("b", 250), ("a", 300), ("b", 350)]
        assert harness.take_output() == [(key, time, time) for key, time in rung]
        assert harness.num_processing_time_timers() == 0
        harness.process_element(("c", 400))
        assert harness.get_output() == [("c", 400, 1_000)], "one for a time that has passed rings at once"
        with harness.restore(snapshot) as again:
            assert again.get_output() == [("a", 100, 1_000), ("b", 150, 1_000), *again.get_output()[2:]]
            assert len(again.get_output()) == 6


class Twice(ProcessFunction):
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Any:
        yield value, ctx.timestamp(), ctx.timer_service().current_watermark()
        yield LATE, value


def test_a_process_function() -> None:
    with harness_for(Twice()) as harness:
        harness.process_watermark(3)
        harness.process_element("a", timestamp=5)
        assert harness.get_output_with_markers()[-1] == StreamRecord(("a", 5, 3), 5)
        assert harness.get_side_output(LATE) == ["a"]
        harness.clear_output()
        assert harness.get_side_output(LATE) == []


class Slow(AsyncFunction[Any, Any]):
    async def async_invoke(self, value: Any) -> list[Any]:
        if value < 0:
            raise ValueError("no time below zero")
        await asyncio.sleep(value / 1000)
        return [value]


def ordered(stream: DataStream) -> DataStream:
    return AsyncDataStream.ordered_wait(stream, Slow(), Time.seconds(10), 2)


def unordered(stream: DataStream) -> DataStream:
    return AsyncDataStream.unordered_wait(stream, Slow(), Time.seconds(10))


def test_functions_that_wait() -> None:
    with OperatorHarness(ordered) as harness:
        harness.process_batch([20, 0, 1])
        assert harness.wait_for_output(3) == [20, 0, 1]
        harness.process_batch([5, 5])
        harness.process_watermark(7)
        assert harness.wait_for_output(5)[3:] == [5, 5]
        harness.end_input()
        assert harness.get_output_with_markers()[5].timestamp == 7  # type: ignore[union-attr]  # a watermark
        with pytest.raises(TimeoutError, match=r"5 records within 0\.01 s, not 6"):
            harness.wait_for_output(6, timeout_s=0.01)
    with OperatorHarness(unordered) as harness:
        harness.process_batch([50, 0])
        assert harness.wait_for_output(1) == [0]
        snapshot = harness.snapshot()
    with OperatorHarness(unordered, snapshot=snapshot) as again:
        assert again.wait_for_output(1) == [50]


def test_a_coroutine_that_fails() -> None:
    with OperatorHarness(unordered) as harness, pytest.raises(ValueError, match="below zero") as caught:
        harness.process_element(-1)
    assert "(async_invoke), subtask 1/1 | record -1" in "".join(getattr(caught.value, "__notes__", ()))


def test_inside_a_coroutine() -> None:
    async def test() -> None:
        with OperatorHarness(tumbling) as harness:
            harness.process_element(("a", 1), timestamp=1)
            harness.end_input()
            assert harness.get_output() == [("a", 1)]
        with pytest.raises(RuntimeError, match="make the test a plain function"), OperatorHarness(ordered):
            pass

    asyncio.run(test())


def test_a_fragment_may_end_in_a_side_output() -> None:
    with OperatorHarness(lambda s: s.process(Twice()).get_side_output(LATE).map(lambda v: v * 2)) as harness:
        harness.process_element("a", timestamp=5)
        harness.process_watermark(9)
        assert harness.get_output_with_timestamps() == [("aa", 5)]
        assert harness.get_output_watermark() == 9
