"""Process functions with keys: state, timers, batch mode, failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import ProcessSpec
from millstream.common.records import MAX_WATERMARK, MIN_TIMESTAMP, RecordBatch, Watermark
from millstream.common.typeinfo import Types
from millstream.datastream.functions import KeyedProcessFunction, ProcessFunction
from millstream.datastream.output_tag import OutputTag
from millstream.datastream.state import ListStateDescriptor, ValueStateDescriptor
from millstream.datastream.time_domain import TimeDomain
from millstream.taskmanager.operators.operator import Operator, OperatorContext, OperatorInfo, Output, SideOutput
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.registry import create_operator
from tests.unit.taskmanager.operators.support import build, failure_of, snapshot_of


def _first(value: Any) -> Any:
    return value[0]


def _operator(function: Any, clock: ManualProcessingTime | None = None, snapshot: Any = None, **spec: Any) -> Operator:
    context = OperatorContext(OperatorInfo("keyed", "id"), processing_time=clock or ManualProcessingTime())
    return build(create_operator, ProcessSpec(function, _first, **spec), context, snapshot)


def _open(function: Any, clock: ManualProcessingTime | None = None, **spec: Any) -> Operator:
    operator = _operator(function, clock, **spec)
    operator.open()
    return operator


def _values(outputs: Any) -> list[Any]:
    return [value for output in outputs if isinstance(output, RecordBatch) for value in output.values]


def _stamped(outputs: list[Output]) -> list[tuple[Any, int | None]]:
    return [
        pair
        for output in outputs
        if isinstance(output, RecordBatch) and output.timestamps is not None
        for pair in zip(output.values, output.timestamps, strict=True)
    ]


class Count(KeyedProcessFunction):
    """Counts per key, and says so ten ms after each record."""

    def open(self, runtime_context: Any) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.INT()))

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        timestamp = ctx.timestamp()
        if timestamp != MIN_TIMESTAMP:
            ctx.timer_service().register_event_time_timer(timestamp + 10)
        yield ctx.get_current_key(), count

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        assert ctx.timestamp() == timestamp
        assert ctx.time_domain() is TimeDomain.EVENT_TIME
        yield "timer", ctx.get_current_key(), timestamp, self.count.value()


class Scripted(KeyedProcessFunction):
    """Does what it was told, so that each test can say what happens when."""

    def __init__(self, process: Callable[..., Any] | None = None, timer: Callable[..., Any] | None = None) -> None:
        self._process = process
        self._timer = timer

    def process_element(self, value: Any, ctx: Any) -> Any:
        return self._process(value, ctx) if self._process else None

    def on_timer(self, timestamp: int, ctx: Any) -> Any:
        return self._timer(timestamp, ctx) if self._timer else None


def test_each_key_has_its_state_and_timers() -> None:
    operator = _open(Count())
    batch = RecordBatch([("a", 0), ("b", 0), ("a", 0)], [5, 6, 7])
    assert _stamped(list(operator.process_batch(batch))) == [(("a", 1), 5), (("b", 1), 6), (("a", 2), 7)]
    assert list(operator.process_watermark(Watermark(14))) == [Watermark(14)]
    outputs = list(operator.process_watermark(Watermark(16)))
    assert outputs[-1] == Watermark(16)
    assert _stamped(outputs) == [(("timer", "a", 15, 2), 15), (("timer", "b", 16, 1), 16)]
    assert _values(operator.process_watermark(MAX_WATERMARK)) == [("timer", "a", 17, 2)]
    assert [count for _, count in operator.records_out()] == [6]


def test_keys_that_are_known_are_not_found_again() -> None:
    operator = _open(Count())
    assert _values(operator.process_batch(RecordBatch([1, 2], None, ["x", "y"]))) == [("x", 1), ("y", 1)]


def test_a_timer_that_is_set_twice_fires_once_and_one_that_is_deleted_never() -> None:
    def process(value: Any, ctx: Any) -> None:
        service = ctx.timer_service()
        for _ in range(2):
            service.register_event_time_timer(10)
            service.register_event_time_timer(20)
        service.delete_event_time_timer(20)
        service.delete_event_time_timer(30)

    operator = _open(Scripted(process, lambda timestamp, ctx: [(ctx.get_current_key(), timestamp)]))
    list(operator.process_batch(RecordBatch([("a",), ("b",)])))
    assert _values(operator.process_watermark(Watermark(100))) == [("a", 10), ("b", 10)]


def test_timers_that_are_set_while_others_fire_come_in_order() -> None:
    def process(value: Any, ctx: Any) -> None:
        for timestamp in value[1]:
            ctx.timer_service().register_event_time_timer(timestamp)

    def timer(timestamp: int, ctx: Any) -> Any:
        service = ctx.timer_service()
        if timestamp == 10 and ctx.get_current_key() == "a":
            service.register_event_time_timer(5)  # late, and before the others
            service.register_event_time_timer(15)
            service.register_event_time_timer(200)
            service.delete_event_time_timer(20)
        return [(timestamp, ctx.get_current_key(), service.current_watermark())]

    operator = _open(Scripted(process, timer))
    list(operator.process_batch(RecordBatch([("a", (10, 20)), ("b", (10, 20))])))
    expected = [(10, "a", 100), (5, "a", 100), (10, "b", 100), (15, "a", 100), (20, "b", 100)]
    assert _values(operator.process_watermark(Watermark(100))) == expected
    assert _values(operator.process_watermark(Watermark(300))) == [(200, "a", 300)]


def test_a_timer_behind_the_watermark_fires_with_the_next_one() -> None:
    operator = _open(Count())
    list(operator.process_watermark(Watermark(100)))
    assert _values(operator.process_batch(RecordBatch([("a", 0)], [50]))) == [("a", 1)]
    assert _values(operator.process_watermark(Watermark(101))) == [("timer", "a", 60, 1)]


def test_processing_time_timers() -> None:
    clock = ManualProcessingTime(1000)
    seen = []

    def process(value: Any, ctx: Any) -> None:
        service = ctx.timer_service()
        assert service.current_processing_time() == clock.now_ms()
        service.register_processing_time_timer(value[1])
        if value[2]:
            service.delete_processing_time_timer(value[1])

    def timer(timestamp: int, ctx: Any) -> Any:
        seen.append(ctx.time_domain())
        if timestamp == 1010:
            ctx.timer_service().register_processing_time_timer(1015)
        return [(ctx.get_current_key(), timestamp)]

    operator = _open(Scripted(process, timer), clock)
    assert clock.alarm is None
    records = [("a", 1010, False), ("b", 1005, False), ("c", 1001, True), ("d", 1030, False)]
    list(operator.process_batch(RecordBatch(records)))
    clock.set_now(1004)
    assert list(operator.on_wake(1004)) == []
    assert clock.alarm == 1005
    clock.set_now(1012)
    assert _values(operator.on_wake(1012)) == [("b", 1005), ("a", 1010)]
    assert clock.alarm == 1015
    assert _values(operator.process_watermark(MAX_WATERMARK)) == []
    outputs = list(operator.on_wake(1016))
    assert _stamped(outputs) == [(("a", 1015), 1015)]
    assert clock.alarm == 1030
    assert set(seen) == {TimeDomain.PROCESSING_TIME}


def test_side_outputs_from_timers_and_collectors() -> None:
    tag = OutputTag("late")

    class Collecting(KeyedProcessFunction):
        def process_element(self, value: Any, ctx: Any, out: Any) -> None:  # type: ignore[override]  # the other style
            out.collect(value)
            ctx.timer_service().register_event_time_timer(ctx.timestamp())

        def on_timer(self, timestamp: int, ctx: Any, out: Any) -> None:  # type: ignore[override]  # as above
            out.collect(timestamp)
            ctx.output(tag, (ctx.get_current_key(), timestamp))

    operator = _open(Collecting())
    assert _stamped(list(operator.process_batch(RecordBatch([("a", 1)], [5])))) == [(("a", 1), 5)]
    outputs = list(operator.process_watermark(Watermark(5)))
    assert _stamped(outputs) == [(5, 5)]
    side = [each for each in outputs if isinstance(each, SideOutput)]
    assert [(each.tag, each.batch.values, each.batch.timestamps) for each in side] == [("late", [("a", 5)], [5])]


def test_a_plain_process_function_may_use_keys() -> None:
    class Plain(ProcessFunction):
        def open(self, runtime_context: Any) -> None:
            self.items = runtime_context.get_list_state(ListStateDescriptor("items", Types.INT()))

        def process_element(self, value: Any, ctx: Any) -> Any:
            self.items.add(value[1])
            ctx.timer_service().register_event_time_timer(1)
            return [list(self.items)]

    operator = _open(Plain())
    assert _values(operator.process_batch(RecordBatch([("a", 1), ("b", 2), ("a", 3)]))) == [[1], [2], [1, 3]]
    assert list(operator.process_watermark(Watermark(5))) == [Watermark(5)]


def test_state_and_timers_outlive_the_operator() -> None:
    first = _open(Count())
    list(first.process_batch(RecordBatch([("a", 0), ("b", 0)], [5, 6])))
    snapshot = snapshot_of(first)
    list(first.process_batch(RecordBatch([("a", 0)], [50])))
    clock = ManualProcessingTime()
    second = _operator(Count(), clock, snapshot)
    second.open()
    assert _values(second.process_batch(RecordBatch([("a", 0)]))) == [("a", 2)]
    assert _values(second.process_watermark(MAX_WATERMARK)) == [("timer", "a", 15, 2), ("timer", "b", 16, 1)]


def test_processing_time_timers_of_a_snapshot_set_the_alarm() -> None:
    first = _open(Scripted(lambda value, ctx: ctx.timer_service().register_processing_time_timer(7)))
    list(first.process_batch(RecordBatch([("a",)])))
    clock = ManualProcessingTime()
    second = _operator(Scripted(None, lambda timestamp, ctx: [timestamp]), clock, snapshot_of(first))
    second.open()
    assert clock.alarm == 7
    assert _values(second.on_wake(8)) == [7]


def test_batch_mode_takes_key_after_key() -> None:
    log: list[Any] = []

    class Logging(KeyedProcessFunction):
        def open(self, runtime_context: Any) -> None:
            self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.INT()))

        def process_element(self, value: Any, ctx: Any) -> Any:
            service = ctx.timer_service()
            log.append(service.current_watermark())
            self.count.update((self.count.value() or 0) + 1)
            service.register_event_time_timer(1000)
            service.register_processing_time_timer(5_000_000)
            return [(ctx.timestamp(), value, self.count.value())]

        def on_timer(self, timestamp: int, ctx: Any) -> Any:
            return [(ctx.time_domain().name, ctx.get_current_key(), timestamp, self.count.value())]

    clock = ManualProcessingTime()
    operator = _open(Logging(), clock, batch=True)
    batch = RecordBatch([("a", 1), ("b", 2), ("a", 3), ("a", 4), ("a", 5)], [30, 20, 10, None, 10])
    assert list(operator.process_batch(batch)) == []
    again = _operator(Logging(), clock, snapshot_of(operator), batch=True)
    again.open()
    for each in (operator, again):
        assert list(each.process_watermark(Watermark(50))) == [Watermark(50)]
        outputs = list(each.process_watermark(MAX_WATERMARK))
        assert outputs[-1] == MAX_WATERMARK
        assert _values(outputs) == [
            (MIN_TIMESTAMP, ("a", 4), 1),
            (10, ("a", 3), 2),
            (10, ("a", 5), 3),
            (30, ("a", 1), 4),
            ("EVENT_TIME", "a", 1000, 4),
            ("PROCESSING_TIME", "a", 5_000_000, 4),
            (20, ("b", 2), 1),
            ("EVENT_TIME", "b", 1000, 1),
            ("PROCESSING_TIME", "b", 5_000_000, 1),
        ]
        assert list(each.finish()) == []
    assert set(log) == {MIN_TIMESTAMP}
    assert clock.alarm is None


def _fail(*_: Any) -> Any:
    raise ValueError("no")


def _fail_later(*_: Any) -> Iterator[Any]:
    yield 1
    raise ValueError("no")


@pytest.mark.parametrize("fails", [_fail, _fail_later])
def test_what_fails_is_named(fails: Any) -> None:
    operator = _open(Scripted(lambda value, ctx: fails() if value[1] else None))
    site = operator.locate(failure_of(operator, [("a", 0), ("b", 1), ("c", 0)]), None)
    assert (site.info.name, site.phase, site.record) == ("keyed", "process_element", ("b", 1))

    operator = _open(Scripted(lambda value, ctx: ctx.timer_service().register_event_time_timer(7), fails))
    list(operator.process_batch(RecordBatch([("k", 0)])))
    with pytest.raises(ValueError, match="no") as caught:
        list(operator.process_watermark(Watermark(10)))
    site = operator.locate(caught.value, None)
    assert (site.phase, repr(site.record)) == ("on_timer", "event-time timer 7 of key 'k'")

    site = operator.locate(failure_of(operator, [("k", 0), 5]), None)
    assert (site.phase, site.record) == ("key_by", 5)


def test_state_and_timers_need_a_key() -> None:
    class Early(Count):
        def open(self, runtime_context: Any) -> None:
            super().open(runtime_context)
            self.count.value()

    with pytest.raises(MillstreamError, match=r"state 'count': keyed state or a timer was used where there is no key"):
        _open(Early())


@pytest.mark.parametrize("time", [1.5, "7", None])
@pytest.mark.parametrize("domain", ["event", "processing"])
def test_the_time_of_a_timer_is_a_whole_number(time: Any, domain: str) -> None:
    def process(value: Any, ctx: Any) -> None:
        getattr(ctx.timer_service(), f"register_{domain}_time_timer")(time)

    assert "whole number of milliseconds" in str(failure_of(_open(Scripted(process)), [("a",)]))


def test_time_domain_is_that_of_a_timer() -> None:
    operator = _open(Scripted(lambda value, ctx: ctx.time_domain()))
    assert "only" in str(failure_of(operator, [("a",)]))


def test_many_timers_come_in_pieces() -> None:
    def process(value: Any, ctx: Any) -> None:
        ctx.timer_service().register_event_time_timer(value[1])

    operator = _open(Scripted(process, lambda timestamp, ctx: [timestamp] * 3))
    list(operator.process_batch(RecordBatch([(number, number // 100) for number in range(5000)])))
    outputs = list(operator.process_watermark(Watermark(1000)))
    assert max(len(each) for each in outputs if isinstance(each, RecordBatch)) <= 1024
    assert _values(outputs) == [number // 100 for number in range(5000) for _ in range(3)]


_ACTIONS: st.SearchStrategy[list[Any]] = st.lists(
    st.one_of(
        st.tuples(
            st.just("record"),
            st.sampled_from("abc"),
            st.lists(st.tuples(st.sampled_from(("set", "delete")), st.integers(0, 30)), max_size=3),
        ),
        st.tuples(st.just("watermark"), st.integers(1, 10), st.just([])),
        st.tuples(st.just("restart"), st.none(), st.just([])),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(_ACTIONS)
def test_timers_as_a_naive_model_has_them(actions: list[Any]) -> None:
    def process(value: Any, ctx: Any) -> None:
        service = ctx.timer_service()
        for kind, time in value[1]:
            (service.register_event_time_timer if kind == "set" else service.delete_event_time_timer)(time)

    def timer(timestamp: int, ctx: Any) -> Any:
        if timestamp % 5 == 0:
            ctx.timer_service().register_event_time_timer(timestamp + 3)
        return [(timestamp, ctx.get_current_key())]

    operator = _open(Scripted(process, timer))
    model: set[tuple[int, str]] = set()
    watermark = 0
    for kind, argument, timers in [*actions, ("watermark", 100, [])]:
        if kind == "record":
            list(operator.process_batch(RecordBatch([(argument, timers)])))
            for what, time in timers:
                (model.add if what == "set" else model.discard)((time, argument))
        elif kind == "restart":
            operator = _operator(Scripted(process, timer), snapshot=snapshot_of(operator))
            operator.open()
        else:
            watermark += argument
            fired = _values(operator.process_watermark(Watermark(watermark)))
            expected = []
            while due := sorted(entry for entry in model if entry[0] <= watermark):
                time = due[0][0]
                for entry in (entry for entry in due if entry[0] == time):
                    model.remove(entry)
                    expected.append(entry)
                    if time % 5 == 0:
                        model.add((time + 3, entry[1]))
            assert [time for time, _ in fired] == [time for time, _ in expected]
            assert sorted(fired) == sorted(expected)


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("stamped", [False, True])
@pytest.mark.parametrize("selector", [lambda value: 10 // value, lambda value: next(iter(range(value)))])
def test_a_key_selector_that_fails_is_named_with_its_record(selector: Any, stamped: bool, inline: bool) -> None:
    seen: list[Any] = []

    class Sees(KeyedProcessFunction):
        def process_element(self, value: Any, ctx: Any) -> None:
            seen.append((value, ctx.get_current_key(), ctx.timestamp()))

    operator = create_operator(ProcessSpec(Sees(), selector), OperatorContext(OperatorInfo("keyed"), inline=inline))
    operator.open()
    error = failure_of(operator, [2, 5, 0, 1], [7, 8, 9, 10] if stamped else None)
    site = operator.locate(error, None)
    assert (site.phase, site.record) == ("key_by", 0)
    stamps = [7, 8] if stamped else [MIN_TIMESTAMP] * 2
    assert seen == [(value, selector(value), stamp) for value, stamp in zip([2, 5], stamps, strict=True)]


def test_tags_have_no_subclasses() -> None:
    with pytest.raises(TypeError, match="OutputTag cannot be subclassed"):
        type("Late", (OutputTag,), {})
