"""Co-process functions: results of all styles, state and timers shared by both inputs, batch mode, failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common import Types
from millstream.common.errors import MillstreamError
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP, Watermark
from millstream.datastream import (
    CoProcessFunction,
    KeyedCoProcessFunction,
    OutputTag,
    RuntimeContext,
    RuntimeExecutionMode,
    TimeDomain,
)
from millstream.datastream.state import ValueStateDescriptor
from millstream.testing import OperatorHarness, StreamRecord

SIDE = OutputTag("side", Types.PICKLED_BYTE_ARRAY())


class Plain(CoProcessFunction):
    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield "first", value, ctx.timestamp(), ctx.timer_service().current_watermark()
        yield SIDE, value

    def process_element2(self, value: Any, ctx: Any, out: Any) -> None:  # type: ignore[override]  # a collector more
        out.collect(("second", value, ctx.timestamp(), ctx.timer_service().current_processing_time()))
        ctx.output(SIDE, -value)


class Registers(CoProcessFunction):
    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        ctx.timer_service().register_event_time_timer(1)

    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        return None


class Count(KeyedCoProcessFunction):
    """Counts the records of both inputs per key, and tells the number when a timer comes."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))

    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Iterator[Any]:
        self.count.update((self.count.value() or 0) + 1)
        ctx.timer_service().register_event_time_timer(value[1])
        yield 1, ctx.get_current_key(), self.count.value()

    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Iterator[Any]:
        self.count.update((self.count.value() or 0) + 1)
        if value[1]:
            ctx.timer_service().register_processing_time_timer(value[1])
        yield 2, ctx.get_current_key(), self.count.value()

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> Iterator[Any]:
        assert ctx.timestamp() == timestamp
        yield ctx.time_domain().name, timestamp, ctx.get_current_key(), self.count.value()
        yield SIDE, timestamp


def keyed(function: Any, **settings: Any) -> OperatorHarness:
    return OperatorHarness(
        lambda a, b: a.connect(b).key_by(lambda v: v[0], lambda v: v[0]).process(function), **settings
    )


def plain(function: Any, **settings: Any) -> OperatorHarness:
    return OperatorHarness(lambda a, b: a.connect(b).process(function), **settings)


def test_both_inputs_generators_and_collectors_and_side_outputs() -> None:
    with plain(Plain(), processing_time=7) as h:
        h.process_element1(1, 10)
        h.process_watermark1(50)
        h.process_element2(2, 20)
        assert h.get_output() == [("first", 1, 10, MIN_TIMESTAMP), ("second", 2, 20, 7)]
        assert h.get_side_output_with_timestamps(SIDE) == [(1, 10), (-2, 20)]
        h.process_watermark2(40)
        h.process_element1(3)
        assert h.take_output()[-1] == ("first", 3, MIN_TIMESTAMP, 40)


def test_timers_need_keys() -> None:
    with plain(Registers()) as h, pytest.raises(MillstreamError, match="keyed streams"):
        h.process_element1(1, 10)


def test_state_is_that_of_the_key_and_shared_by_both_inputs() -> None:
    with keyed(Count()) as h:
        h.process_element1(("a", 100))
        h.process_element2(("a", 0))
        h.process_element2(("b", 0))
        h.process_element1(("a", 100))
        assert h.get_output() == [(1, "a", 1), (2, "a", 2), (2, "b", 1), (1, "a", 3)]


def test_timers_of_both_domains() -> None:
    with keyed(Count()) as h:
        h.process_element1(("a", 100), 1)
        h.process_element1(("a", 100), 2)
        h.process_element1(("b", 50), 3)
        h.process_element2(("b", 30), 4)
        h.clear_output()
        h.process_watermark1(200)
        assert h.get_output() == []
        h.process_watermark2(99)
        assert h.take_output() == [("EVENT_TIME", 50, "b", 2)]
        h.set_processing_time(29)
        assert h.get_output() == []
        h.set_processing_time(31)
        assert h.take_output() == [("PROCESSING_TIME", 30, "b", 2)]
        h.process_watermark2(150)
        assert h.get_output_with_timestamps() == [(("EVENT_TIME", 100, "a", 2), 100)]
        assert h.get_side_output(SIDE) == [100]


def test_results_of_timers_come_before_the_watermark() -> None:
    with keyed(Count()) as h:
        h.process_element1(("a", 100))
        h.clear_output()
        h.process_watermark(100)
        first, second = h.get_output_with_markers()
        assert isinstance(first, StreamRecord)
        assert second == Watermark(100)


def test_all_event_time_timers_fire_at_the_end_and_processing_time_timers_do_not() -> None:
    with keyed(Count()) as h:
        h.process_element1(("a", 10**12))
        h.process_element2(("a", 10**12))
        h.clear_output()
        h.end_input()
        assert h.get_output() == [("EVENT_TIME", 10**12, "a", 2)]


def test_snapshots_hold_state_and_timers() -> None:
    with keyed(Count()) as h:
        h.process_element1(("a", 100))
        h.process_element2(("b", 40))
        snapshot = h.snapshot()
        h.process_element1(("a", 100))
        again = keyed(Count(), snapshot=snapshot)
    with again as h:
        h.set_processing_time(40)
        h.process_watermark(100)
        assert h.get_output() == [("PROCESSING_TIME", 40, "b", 1), ("EVENT_TIME", 100, "a", 1)]


class WithTimer(CoProcessFunction):
    """A function without keys in its name may use them where there are any, and has an on_timer then."""

    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        ctx.timer_service().register_event_time_timer(5)
        return ()

    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        return ()

    def on_timer(self, timestamp: int, ctx: CoProcessFunction.OnTimerContext) -> Any:
        return [(timestamp, ctx.time_domain())]


def test_a_co_process_function_on_keyed_streams_has_timers() -> None:
    with keyed(WithTimer()) as h:
        h.process_element1(("a", 0))
        h.process_watermark(5)
        assert h.get_output() == [(5, TimeDomain.EVENT_TIME)]


class Batch(KeyedCoProcessFunction):
    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        assert ctx.timer_service().current_watermark() == MIN_TIMESTAMP
        ctx.timer_service().register_event_time_timer(value[1] + 100)
        ctx.timer_service().register_processing_time_timer(10**15)
        yield 1, value

    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        yield 2, value

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> Any:
        assert ctx.timer_service().current_watermark() == MAX_TIMESTAMP
        yield ctx.time_domain(), ctx.get_current_key(), timestamp


def test_a_batch_job_works_key_by_key_in_the_order_of_timestamps() -> None:
    with keyed(Batch(), runtime_mode=RuntimeExecutionMode.BATCH) as h:
        h.process_element2(("a", 3), 3)
        h.process_element1(("a", 4), 4)
        h.process_element1(("b", 1), 1)
        h.process_element2(("a", 1), 1)
        h.process_element1(("a", 1), 1)
        again = h.restore(h.snapshot())
        assert h.get_output() == []
    with again as h:
        h.end_input()
        event, processing = TimeDomain.EVENT_TIME, TimeDomain.PROCESSING_TIME
        assert h.get_output() == [
            *[(1, ("a", 1)), (2, ("a", 1)), (2, ("a", 3)), (1, ("a", 4))],
            *[(event, "a", 101), (event, "a", 104), (processing, "a", 10**15)],
            *[(1, ("b", 1)), (event, "b", 101), (processing, "b", 10**15)],
        ]


def test_a_batch_job_without_timestamps_takes_the_first_input_first() -> None:
    with keyed(Batch(), runtime_mode=RuntimeExecutionMode.BATCH) as h:
        h.process_element2(("a", 1))
        h.process_element1(("a", 2))
        h.end_input()
        assert h.get_output()[:2] == [(1, ("a", 2)), (2, ("a", 1))]


class Failing(KeyedCoProcessFunction):
    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        ctx.timer_service().register_event_time_timer(5)
        yield 1 // value[1]

    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        return [1 // value[1]]

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> Any:
        yield 1 // 0


@pytest.mark.parametrize("mode", [RuntimeExecutionMode.STREAMING, RuntimeExecutionMode.BATCH])
@pytest.mark.parametrize(
    ("number", "value", "told"),
    [
        (1, ("a", 0), ["(process_element1)", "record ('a', 0)"]),
        (2, ("a", 0), ["(process_element2)", "record ('a', 0)"]),
        (1, ("a", 1), ["(on_timer)", "event-time timer 5 of key 'a'"]),
        (2, (), ["(key_by)", "record ()"]),
    ],
)
def test_a_failure_names_method_and_record(mode: Any, number: int, value: Any, told: list[str]) -> None:
    with keyed(Failing(), runtime_mode=mode) as h:
        process = h.process_element1 if number == 1 else h.process_element2
        with pytest.raises((ZeroDivisionError, IndexError)) as caught:  # noqa: PT012  # either of them fails
            process(value, 1)
            h.end_input()
    notes = "".join(getattr(caught.value, "__notes__", ()))
    assert "operator 'Keyed Co-Process'" in notes
    assert all(each in notes for each in told), notes


def test_a_failure_without_keys() -> None:
    with plain(_PlainFailing()) as h, pytest.raises(ZeroDivisionError) as caught:
        h.process_element2(0, 1)
    assert "(process_element2)" in "".join(getattr(caught.value, "__notes__", ()))


class _PlainFailing(CoProcessFunction):
    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        return None

    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        yield 1 // value


steps = st.lists(st.tuples(st.integers(1, 2), st.sampled_from("ab"), st.integers(0, 30)), max_size=40)


@settings(deadline=None, max_examples=60)
@given(steps, st.integers(0, 40))
def test_counts_and_timers_are_those_of_a_dict(given_steps: list[tuple[int, str, int]], cut: int) -> None:
    """Input 1 sets an event-time timer; input 2 brings the watermark to its number, if that is forward."""
    counts: dict[str, int] = {}
    timers: set[tuple[int, str]] = set()
    watermark = -1
    expected: list[Any] = []
    harness = keyed(Count())
    harness.open()
    found: list[Any] = []

    def fire(watermark: int) -> None:
        """What was set for a time that had passed already is due with the next watermark, also with the same again."""
        due = sorted(timer for timer in timers if timer[0] <= watermark)
        timers.difference_update(due)
        expected.extend(("EVENT_TIME", at, of, counts[of]) for at, of in due)
        harness.process_watermark(watermark)

    for index, (number, key, time) in enumerate(given_steps):
        if index == cut:
            found.extend(harness.take_output())
            snapshot = harness.snapshot()
            harness.close()
            harness = keyed(Count(), snapshot=snapshot)
            harness.open()
            if watermark >= 0:
                fire(watermark)
        counts[key] = counts.get(key, 0) + 1
        expected.append((number, key, counts[key]))
        if number == 1:
            timers.add((time, key))
            harness.process_element1((key, time))
            continue
        harness.process_element2((key, 0))
        if time > watermark:
            watermark = time
            fire(watermark)
    found.extend(harness.take_output())
    harness.close()

    def in_order_of_keys(results: list[Any]) -> list[Any]:
        return [[each for each in results if key in each] for key in "ab"]

    assert in_order_of_keys(found) == in_order_of_keys(expected)
