"""Triggers, ours and the program's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.records import MAX_TIMESTAMP
from millstream.common.time import Time
from millstream.common.typeinfo import Types
from millstream.datastream import RuntimeExecutionMode
from millstream.datastream.state import ListStateDescriptor, ReducingStateDescriptor, ValueStateDescriptor
from millstream.datastream.window import (
    ContinuousEventTimeTrigger,
    ContinuousProcessingTimeTrigger,
    CountTrigger,
    DeltaTrigger,
    EventTimeSessionWindows,
    EventTimeTrigger,
    GlobalWindows,
    NeverTrigger,
    ProcessingTimeoutTrigger,
    ProcessingTimeSessionWindows,
    PurgingTrigger,
    TimeWindow,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)
from millstream.testing import OperatorHarness
from tests.unit.taskmanager.operators.window.reference import key_of


def shown(key: Any, window: Any, inputs: Iterable[Any]) -> Iterator[Any]:
    yield key, [number for _, number in inputs]


def windows(assigner: Any, trigger: Trigger[Any, Any], **settings: Any) -> OperatorHarness:
    def fragment(stream: Any) -> Any:
        return stream.key_by(key_of).window(assigner).trigger(trigger).apply(shown)

    return OperatorHarness(fragment, **settings)


def nothing_left(harness: OperatorHarness) -> bool:
    return (
        harness.num_keyed_state_entries() == 0
        and harness.num_event_time_timers() == 0
        and harness.num_processing_time_timers() == 0
    )


def test_continuous_event_time() -> None:
    with windows(TumblingEventTimeWindows(100), ContinuousEventTimeTrigger.of(Time.milliseconds(30))) as harness:
        harness.process_element(("a", 1), 5)
        harness.process_watermark(29)
        assert harness.take_output() == []
        harness.process_watermark(30)
        assert harness.take_output() == [("a", [1])]
        harness.process_element(("a", 2), 40)
        harness.process_watermark(95)  # two intervals at once
        assert harness.take_output() == [("a", [1, 2]), ("a", [1, 2])]
        harness.process_watermark(99)
        assert harness.take_output() == [("a", [1, 2])]
        assert nothing_left(harness)


def test_continuous_event_time_in_sessions() -> None:
    with windows(EventTimeSessionWindows(20), ContinuousEventTimeTrigger(10)) as harness:
        harness.process_element(("a", 1), 5)
        harness.process_element(("a", 2), 40)
        harness.process_element(("a", 3), 22)  # joins both
        harness.process_watermark(10)
        assert harness.take_output() == [("a", [1, 2, 3])]
        harness.process_watermark(MAX_TIMESTAMP)
        assert harness.take_output() == [("a", [1, 2, 3])] * 5  # at 20, 30, 40, 50 and 59
        assert nothing_left(harness)


def test_continuous_processing_time() -> None:
    with windows(TumblingProcessingTimeWindows(100), ContinuousProcessingTimeTrigger(40)) as harness:
        harness.process_element(("a", 1))
        harness.set_processing_time(45)
        assert harness.take_output() == [("a", [1])]
        harness.process_element(("a", 2))
        harness.set_processing_time(100)
        assert harness.take_output() == [("a", [1, 2])] * 2
        assert nothing_left(harness)


def test_continuous_processing_time_of_windows_that_are_over_comes_to_an_end() -> None:
    with windows(TumblingEventTimeWindows(100), ContinuousProcessingTimeTrigger(40), processing_time=10_000) as harness:
        harness.process_element(("a", 1), 5)
        harness.advance_processing_time(1_000)
        assert harness.take_output() == [("a", [1])]
        harness.end_input()
        assert nothing_left(harness)


def test_count_in_sessions_is_added_up() -> None:
    with windows(EventTimeSessionWindows(10), CountTrigger.of(3)) as harness:
        harness.process_element(("a", 1), 0)
        harness.process_element(("a", 2), 14)
        harness.process_element(("a", 3), 7)
        assert harness.take_output() == [("a", [1, 2, 3])]
        harness.process_watermark(MAX_TIMESTAMP)
        assert harness.take_output() == []
        assert nothing_left(harness)


def test_purging_drops_what_has_fired() -> None:
    with windows(TumblingEventTimeWindows(100), PurgingTrigger.of(CountTrigger.of(2))) as harness:
        harness.process_batch([("a", 1), ("a", 2), ("a", 3), ("a", 4), ("a", 5)], [1, 2, 3, 4, 5])
        assert harness.take_output() == [("a", [1, 2]), ("a", [3, 4])]
        harness.end_input()
        assert harness.take_output() == []
        assert nothing_left(harness)


def test_delta() -> None:
    with windows(GlobalWindows.create(), DeltaTrigger.of(10, lambda old, new: abs(new[1] - old[1]))) as harness:
        harness.process_batch([("a", 0), ("a", 10), ("b", 100), ("a", 11), ("a", 15), ("a", 0)])
        assert harness.take_output() == [("a", [0, 10, 11]), ("a", [0, 10, 11, 15, 0])]


def test_never() -> None:
    with windows(TumblingEventTimeWindows(10), NeverTrigger()) as harness:
        harness.process_element(("a", 1), 5)
        harness.end_input()
        assert harness.take_output() == []
        assert nothing_left(harness)


@pytest.mark.parametrize(("reset", "fires_at"), [(False, 51), (True, 71)])
def test_timeout(reset: bool, fires_at: int) -> None:
    trigger = ProcessingTimeoutTrigger.of(CountTrigger.of(3), Time.milliseconds(50), reset, True)
    with windows(GlobalWindows.create(), trigger) as harness:
        harness.process_element(("a", 1))
        harness.set_processing_time(20)
        harness.process_element(("a", 2))
        harness.set_processing_time(fires_at - 1)
        assert harness.take_output() == []
        harness.set_processing_time(fires_at)
        assert harness.take_output() == [("a", [1, 2])]
        harness.process_batch([("a", 3), ("a", 4), ("a", 5)])  # the count starts anew
        assert harness.take_output() == [("a", [1, 2, 3, 4, 5])]
        harness.advance_processing_time(1_000)
        assert harness.take_output() == []
        assert harness.num_processing_time_timers() == 0


def test_global_windows_can_fire_when_the_input_ends() -> None:
    def fragment(stream: Any) -> Any:
        return stream.key_by(key_of).window(GlobalWindows.create_with_end_of_stream_trigger()).apply(shown)

    with OperatorHarness(fragment) as harness:
        harness.process_batch([("a", 1), ("b", 2), ("a", 3)])
        harness.process_watermark(10_000)
        assert harness.get_output() == []
        harness.end_input()
        assert harness.get_output() == [("a", [1, 3]), ("b", [2])]


# -- triggers of programs


class EarlyAndAtEnd(Trigger[Any, TimeWindow]):
    """Fires when the watermark has gone ``every`` ms on, and at the end."""

    first_seen = ValueStateDescriptor("first-seen", Types.BOOLEAN())

    def __init__(self, every: int) -> None:
        self.every = every

    def on_element(
        self, element: Any, timestamp: int, window: TimeWindow, ctx: Trigger.TriggerContext
    ) -> TriggerResult:
        seen = ctx.get_partitioned_state(self.first_seen)
        if not seen.value():
            seen.update(True)
            ctx.register_event_time_timer(timestamp + self.every)
            ctx.register_event_time_timer(window.max_timestamp())
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: TimeWindow, ctx: Trigger.TriggerContext) -> TriggerResult:
        if time == window.max_timestamp():
            return TriggerResult.FIRE_AND_PURGE
        if time + self.every < window.max_timestamp():
            ctx.register_event_time_timer(time + self.every)
        return TriggerResult.FIRE

    def on_processing_time(self, time: int, window: TimeWindow, ctx: Trigger.TriggerContext) -> TriggerResult:
        return TriggerResult.CONTINUE

    def clear(self, window: TimeWindow, ctx: Trigger.TriggerContext) -> None:
        ctx.get_partitioned_state(self.first_seen).clear()


def test_a_trigger_of_the_program() -> None:
    with windows(TumblingEventTimeWindows(100), EarlyAndAtEnd(40)) as harness:
        harness.process_batch([("a", 1), ("b", 2), ("a", 3)], [0, 10, 20])
        harness.process_watermark(40)
        assert harness.take_output() == [("a", [1, 3])]
        resumed = harness.restore(harness.snapshot())
    with resumed as harness:
        harness.process_watermark(50)
        assert harness.take_output() == [("b", [2])]
        harness.end_input()
        output = harness.take_output()
        assert output[:2] == [("a", [1, 3]), ("b", [2])]
        assert sorted(output[2:]) == [("a", [1, 3]), ("b", [2])]  # of one time, and of two keys
        assert nothing_left(harness)


class Forgetful(EarlyAndAtEnd):
    """Leaves a timer behind for after the end of the window."""

    def on_element(self, element: Any, timestamp: int, window: TimeWindow, ctx: Any) -> TriggerResult:
        ctx.register_event_time_timer(window.end + 5)
        return super().on_element(element, timestamp, window, ctx)

    def can_merge(self) -> bool:
        return True

    def on_merge(self, window: TimeWindow, ctx: Trigger.OnMergeContext) -> None:
        ctx.register_event_time_timer(window.max_timestamp())


@pytest.mark.parametrize("assigner", [TumblingEventTimeWindows(100), EventTimeSessionWindows(40)])
def test_a_timer_that_was_left_behind_fires_nothing(assigner: Any) -> None:
    with windows(assigner, Forgetful(400)) as harness:
        harness.process_batch([("a", 1), ("a", 2)], [0, 10])
        harness.process_watermark(MAX_TIMESTAMP)
        assert len(harness.get_output()) == 1
        assert nothing_left(harness)


class MergesLists(EventTimeTrigger[Any]):
    """Remembers what has come, and fires when that is so much in all."""

    seen = ListStateDescriptor("seen", Types.LONG())
    total = ReducingStateDescriptor("total", lambda a, b: a + b, Types.LONG())

    def on_element(self, element: Any, timestamp: int, window: TimeWindow, ctx: Any) -> TriggerResult:
        super().on_element(element, timestamp, window, ctx)
        ctx.get_partitioned_state(self.seen).add(element[1])
        total = ctx.get_partitioned_state(self.total)
        total.add(element[1])
        assert total.get() == sum(ctx.get_partitioned_state(self.seen).get())
        return TriggerResult.FIRE if total.get() >= 100 else TriggerResult.CONTINUE

    def on_merge(self, window: TimeWindow, ctx: Trigger.OnMergeContext) -> None:
        super().on_merge(window, ctx)
        ctx.merge_partitioned_state(self.seen)
        ctx.merge_partitioned_state(self.total)

    def clear(self, window: TimeWindow, ctx: Trigger.TriggerContext) -> None:
        super().clear(window, ctx)
        ctx.get_partitioned_state(self.seen).clear()
        ctx.get_partitioned_state(self.total).clear()


def test_a_triggers_state_merges_with_the_windows() -> None:
    with windows(EventTimeSessionWindows(10), MergesLists()) as harness:
        harness.process_batch([("a", 40), ("a", 50), ("b", 10)], [0, 20, 11])
        assert harness.take_output() == []
        harness.process_element(("a", 10), 10)
        assert harness.take_output() == [("a", [40, 50, 10])]
        harness.end_input()
        assert harness.take_output() == [("b", [10]), ("a", [40, 50, 10])]
        assert nothing_left(harness)


class SaysYes(EventTimeTrigger[Any]):
    def on_element(self, element: Any, timestamp: int, window: Any, ctx: Any) -> Any:
        return True


def test_what_is_no_trigger_result_is_refused() -> None:
    with (
        windows(TumblingEventTimeWindows(10), SaysYes()) as harness,
        pytest.raises(Exception, match=r"SaysYes.on_element\(\) has to return a TriggerResult, not True"),
    ):
        harness.process_element(("a", 1), 1)


# -- the end of the input


@pytest.mark.parametrize("assigner", [TumblingProcessingTimeWindows(10), ProcessingTimeSessionWindows(10)])
def test_windows_of_processing_time_that_are_open_at_the_end_fire_in_batch_jobs_only(assigner: Any) -> None:
    def fragment(stream: Any) -> Any:
        return stream.key_by(key_of).window(assigner).apply(shown)

    for mode, expected in (
        (RuntimeExecutionMode.STREAMING, []),
        (RuntimeExecutionMode.BATCH, [("a", [1, 3]), ("b", [2])]),
    ):
        with OperatorHarness(fragment, runtime_mode=mode) as harness:
            harness.process_batch([("a", 1), ("b", 2), ("a", 3)])
            harness.end_input()
            assert harness.get_output() == expected


def test_in_a_batch_job_a_window_that_fires_again_and_again_does_so_once() -> None:
    with windows(
        TumblingProcessingTimeWindows(100),
        ContinuousProcessingTimeTrigger(10),
        runtime_mode=RuntimeExecutionMode.BATCH,
    ) as harness:
        harness.process_batch([("a", 1), ("a", 2)])
        harness.set_processing_time(500)
        assert harness.get_output() == []
        harness.end_input()
        assert harness.get_output() == [("a", [1, 2])]
        assert nothing_left(harness)


@pytest.mark.parametrize("assigner", [TumblingEventTimeWindows(7), EventTimeSessionWindows(3)])
@pytest.mark.parametrize(
    "trigger",
    [
        EventTimeTrigger(),
        ContinuousEventTimeTrigger(2),
        CountTrigger(2),
        PurgingTrigger(CountTrigger(3)),
        PurgingTrigger(EventTimeTrigger()),
        PurgingTrigger(ContinuousEventTimeTrigger(2)),
        ContinuousProcessingTimeTrigger(2),
        ProcessingTimeoutTrigger(EventTimeTrigger(), 5),
    ],
)
@settings(max_examples=20)
@given(
    elements=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60)), max_size=20),
    lateness=st.integers(0, 5),
    clock_every=st.integers(1, 9),
)
def test_with_any_trigger_nothing_is_left_after_the_end(
    assigner: Any, trigger: Trigger[Any, Any], elements: list[tuple[str, int]], lateness: int, clock_every: int
) -> None:
    if isinstance(assigner, EventTimeSessionWindows) and not trigger.can_merge():
        return

    def fragment(stream: Any) -> Any:
        return stream.key_by(key_of).window(assigner).allowed_lateness(lateness).trigger(trigger).apply(shown)

    with OperatorHarness(fragment) as harness:
        for key, timestamp in elements:
            harness.process_element((key, timestamp), timestamp)
            if timestamp % 3 == 0:
                harness.process_watermark(timestamp)
            if timestamp % clock_every == 0:
                harness.advance_processing_time(1)
        harness.process_watermark(MAX_TIMESTAMP)
        harness.advance_processing_time(1_000)
        assert nothing_left(harness)
