"""The broadcast state pattern: who may write, what both sides see, keyed state from the broadcast side, batch mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from millstream.common import Types
from millstream.common.errors import MillstreamError
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP
from millstream.datastream import (
    BroadcastProcessFunction,
    KeyedBroadcastProcessFunction,
    OutputTag,
    RuntimeContext,
    RuntimeExecutionMode,
    TimeDomain,
)
from millstream.datastream.functions import KeyedStateFunction
from millstream.datastream.state import MapStateDescriptor, ReducingStateDescriptor, ValueStateDescriptor
from millstream.testing import OperatorHarness

RULES = MapStateDescriptor("rules", Types.STRING(), Types.INT())
OTHER = MapStateDescriptor("other", Types.STRING(), Types.INT())
COUNT = ValueStateDescriptor("count", Types.INT())
SIDE = OutputTag("side")


class Plain(BroadcastProcessFunction[Any, Any, Any]):
    def process_element(self, value: Any, ctx: BroadcastProcessFunction.ReadOnlyContext) -> Iterator[Any]:
        state = ctx.get_broadcast_state(RULES)
        yield value, state.get(value), ctx.timestamp(), ctx.current_watermark(), ctx.current_processing_time()
        yield SIDE, sorted(state.items())

    def process_broadcast_element(self, value: Any, ctx: Any, out: Any) -> None:  # type: ignore[override]  # a collector more
        ctx.get_broadcast_state(RULES).put(*value)
        out.collect((ctx.timestamp(), ctx.current_watermark(), ctx.current_processing_time()))
        ctx.output(SIDE, value)


def plain(function: Any, **settings: Any) -> OperatorHarness:
    return OperatorHarness(lambda a, b: a.connect(b.broadcast(RULES, OTHER)).process(function), **settings)


def keyed(function: Any, **settings: Any) -> OperatorHarness:
    return OperatorHarness(
        lambda a, b: a.key_by(lambda v: v[0]).connect(b.broadcast(RULES)).process(function), **settings
    )


def test_both_sides() -> None:
    with plain(Plain(), processing_time=7) as h:
        h.process_element1("a", 1)
        h.process_broadcast_element(("a", 10), 2)
        h.process_watermark(3)
        h.process_element1("a", 4)
        assert h.get_output_with_timestamps() == [
            (("a", None, 1, MIN_TIMESTAMP, 7), 1),
            ((2, MIN_TIMESTAMP, 7), 2),
            (("a", 10, 4, 3, 7), 4),
        ]
        assert h.get_side_output_with_timestamps(SIDE) == [([], 1), (("a", 10), 2), ([("a", 10)], 4)]


class Everything(BroadcastProcessFunction[Any, Any, Any]):
    """Broadcast records are functions that work on the state; the others are, too."""

    def process_element(self, value: Any, ctx: BroadcastProcessFunction.ReadOnlyContext) -> Iterator[Any]:
        yield value(ctx.get_broadcast_state(RULES), ctx)

    def process_broadcast_element(self, value: Any, ctx: BroadcastProcessFunction.Context) -> Iterator[Any]:
        yield value(ctx.get_broadcast_state(RULES), ctx)


def test_the_state_is_a_map() -> None:
    with plain(Everything()) as h:
        h.process_broadcast_element(lambda state, ctx: state.is_empty())
        h.process_broadcast_element(lambda state, ctx: state.put_all({"a": 1, "b": 2, "c": 3}))
        h.process_broadcast_element(lambda state, ctx: state.__setitem__("d", 4))
        h.process_broadcast_element(lambda state, ctx: state.remove("a"))
        h.process_broadcast_element(lambda state, ctx: state.remove("nothing"))
        h.process_broadcast_element(lambda state, ctx: state.__delitem__("b"))
        h.process_broadcast_element(lambda state, ctx: [state.remove(key) for key in state if key == "c"])
        h.clear_output()
        for process in (h.process_broadcast_element, h.process_element1):
            process(lambda state, ctx: (list(state.keys()), list(state.values()), list(state.items()), list(state)))
            process(
                lambda state, ctx: (state.contains("d"), "x" in state, state["d"], state.get("x"), state.is_empty())
            )
            assert h.take_output() == [(["d"], [4], [("d", 4)], ["d"]), (True, False, 4, None, False)]
        h.process_broadcast_element(lambda state, ctx: state.clear())
        h.process_element1(lambda state, ctx: state.is_empty())
        assert h.take_output() == [None, True]


WRITES: list[Any] = [
    lambda state, ctx: state.put("a", 1),
    lambda state, ctx: state.put_all({}),
    lambda state, ctx: state.remove("a"),
    lambda state, ctx: state.clear(),
    lambda state, ctx: state.__setitem__("a", 1),
    lambda state, ctx: state.__delitem__("a"),
]


@pytest.mark.parametrize("write", WRITES)
def test_the_other_side_cannot_write(write: Any) -> None:
    with plain(Everything()) as h, pytest.raises(MillstreamError, match="'rules' can only be read here"):
        h.process_element1(write)


def test_a_descriptor_that_the_stream_was_not_broadcast_with() -> None:
    missing = MapStateDescriptor("missing", Types.STRING(), Types.INT())
    for name in ("process_element1", "process_broadcast_element"):
        with (
            plain(Everything()) as h,
            pytest.raises(MillstreamError, match=r"no broadcast state 'missing'.* with 'rules', 'other'; give"),
        ):
            getattr(h, name)(lambda state, ctx: ctx.get_broadcast_state(missing))
        with plain(Everything()) as h, pytest.raises(MillstreamError, match="takes a MapStateDescriptor"):
            getattr(h, name)(lambda state, ctx: ctx.get_broadcast_state(COUNT))


class Counting(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(COUNT)

    def process_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Iterator[Any]:
        step = ctx.get_broadcast_state(RULES).get("step") or 1
        self.count.update((self.count.value() or 0) + step)
        ctx.timer_service().register_event_time_timer(100)
        ctx.timer_service().register_processing_time_timer(50)
        yield ctx.get_current_key(), self.count.value()

    def process_broadcast_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.Context) -> Iterator[Any]:
        if callable(value):
            yield value(self, ctx)
        else:
            ctx.get_broadcast_state(RULES).put("step", value)

    def on_timer(self, timestamp: int, ctx: KeyedBroadcastProcessFunction.OnTimerContext) -> Iterator[Any]:
        assert ctx.timestamp() == timestamp
        step = ctx.get_broadcast_state(RULES).get("step")
        yield ctx.time_domain().name, ctx.get_current_key(), self.count.value(), step, ctx.current_watermark()


def test_keyed_state_and_timers_beside_broadcast_state() -> None:
    with keyed(Counting()) as h:
        h.process_element1(("a",))
        h.process_broadcast_element(10)
        h.process_element1(("a",))
        h.process_element1(("b",))
        assert h.take_output() == [("a", 1), ("a", 11), ("b", 10)]
        again = h.restore(h.snapshot())
    with again as h:
        h.set_processing_time(50)
        assert sorted(h.take_output()) == [
            ("PROCESSING_TIME", "a", 11, 10, MIN_TIMESTAMP),
            ("PROCESSING_TIME", "b", 10, 10, MIN_TIMESTAMP),
        ]
        h.process_watermark(100)
        assert sorted(h.take_output()) == [("EVENT_TIME", "a", 11, 10, 100), ("EVENT_TIME", "b", 10, 10, 100)]


class Reset(KeyedStateFunction[Any, Any]):
    def process(self, key: Any, state: Any) -> None:
        state.update(100) if key == "a" else state.clear()


def test_a_broadcast_record_can_work_on_the_state_of_all_keys() -> None:
    def see(function: Any, ctx: Any) -> Any:
        seen: list[Any] = []
        ctx.apply_to_keyed_state(COUNT, lambda key, state: seen.append((key, state.value())))
        return sorted(seen)

    with keyed(Counting()) as h:
        h.process_broadcast_element(see)
        for key in "aabc":
            h.process_element1((key,))
        h.clear_output()
        h.process_broadcast_element(see)
        h.process_broadcast_element(lambda function, ctx: ctx.apply_to_keyed_state(COUNT, Reset()))
        h.process_broadcast_element(see)
        assert h.take_output() == [[("a", 2), ("b", 1), ("c", 1)], None, [("a", 100)]]
        h.process_element1(("a",))
        h.process_element1(("b",))
        assert h.take_output() == [("a", 101), ("b", 1)]


MISUSES: list[tuple[Any, str]] = [
    (lambda function, ctx: function.count.value(), "where there is no key"),
    (lambda function, ctx: function.count.update(1), "where there is no key"),
    (lambda function, ctx: ctx.apply_to_keyed_state(COUNT, 7), "takes a function of"),
    (
        lambda function, ctx: ctx.apply_to_keyed_state(
            ReducingStateDescriptor("count", lambda a, b: a, Types.INT()), print
        ),
        "'count'",
    ),
]


@pytest.mark.parametrize(("misuse", "message"), MISUSES)
def test_misuse_of_keyed_state_on_the_broadcast_side(misuse: Any, message: str) -> None:
    with keyed(Counting()) as h:
        h.process_element1(("a",))
        with pytest.raises(MillstreamError, match=message):
            h.process_broadcast_element(misuse)


def test_keyed_state_is_not_there_without_keys() -> None:
    class Asks(Plain):
        def open(self, runtime_context: RuntimeContext) -> None:
            runtime_context.get_state(COUNT)

    with pytest.raises(MillstreamError, match="keyed state needs a stream with keys"):
        plain(Asks()).open()
    with plain(Everything()) as h, pytest.raises(MillstreamError, match=r"get_current_key\(\) is for keyed streams"):
        h.process_element1(lambda state, ctx: ctx.get_current_key())
    with (
        plain(Everything()) as h,
        pytest.raises(MillstreamError, match=r"apply_to_keyed_state\(\) is for keyed streams"),
    ):
        h.process_broadcast_element(lambda state, ctx: ctx.apply_to_keyed_state(COUNT, print))


class BatchRules(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def process_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Iterator[Any]:
        assert ctx.current_watermark() == MIN_TIMESTAMP
        ctx.timer_service().register_event_time_timer(1)
        yield value, ctx.get_broadcast_state(RULES).get("x")

    def process_broadcast_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.Context) -> Iterator[Any]:
        ctx.get_broadcast_state(RULES).put("x", value)
        yield value

    def on_timer(self, timestamp: int, ctx: KeyedBroadcastProcessFunction.OnTimerContext) -> Iterator[Any]:
        assert ctx.current_watermark() == MAX_TIMESTAMP
        yield ctx.get_current_key(), ctx.time_domain()


def test_a_batch_job_broadcasts_first() -> None:
    with keyed(BatchRules(), runtime_mode=RuntimeExecutionMode.BATCH) as h:
        h.process_element1(("a", 2), 2)
        h.process_element1(("b", 1), 1)
        h.process_broadcast_element(1)
        h.process_element1(("a", 1), 1)
        h.process_broadcast_element(2)
        assert h.get_output() == [1, 2]
        h.clear_output()
        again = h.restore(h.snapshot())
    with again as h:
        h.end_input()
        timer = TimeDomain.EVENT_TIME
        assert h.get_output() == [(("a", 1), 2), (("a", 2), 2), ("a", timer), (("b", 1), 2), ("b", timer)]
    with plain(Plain(), runtime_mode=RuntimeExecutionMode.BATCH) as h:
        h.process_element1("b", 2)
        h.process_element1("a", 1)
        h.process_broadcast_element(("a", 5))
        h.clear_output()
        again = h.restore(h.snapshot())
    with again as h:
        h.end_input()
        assert [value[:4] for value in h.get_output()] == [("b", None, 2, MIN_TIMESTAMP), ("a", 5, 1, MIN_TIMESTAMP)]


class Failing(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def process_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Iterator[Any]:
        ctx.timer_service().register_event_time_timer(5)
        yield 1 // value[1]

    def process_broadcast_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.Context) -> Iterator[Any]:
        yield 1 // value

    def on_timer(self, timestamp: int, ctx: KeyedBroadcastProcessFunction.OnTimerContext) -> Any:
        return 1 // 0


@pytest.mark.parametrize(
    ("number", "value", "told"),
    [
        (1, ("a", 0), ["(process_element)", "record ('a', 0)"]),
        (1, ("a", 1), ["(on_timer)", "event-time timer 5 of key 'a'"]),
        (1, (), ["(key_by)", "record ()"]),
        (2, 0, ["(process_broadcast_element)", "record 0"]),
    ],
)
def test_a_failure_names_method_and_record(number: int, value: Any, told: list[str]) -> None:
    with keyed(Failing()) as h:
        process = h.process_element1 if number == 1 else h.process_broadcast_element
        with pytest.raises((ZeroDivisionError, IndexError)) as caught:  # noqa: PT012  # either of them fails
            process(value, 1)
            h.process_watermark(10)
    notes = "".join(getattr(caught.value, "__notes__", ()))
    assert "operator 'Keyed-Co-Process-Broadcast'" in notes
    assert all(each in notes for each in told), notes


def test_a_failure_without_keys_names_the_side() -> None:
    for name, phase in (("process_element1", "process_element"), ("process_element2", "process_broadcast_element")):
        with plain(Everything()) as h, pytest.raises(ZeroDivisionError) as caught:
            getattr(h, name)(lambda state, ctx: 1 // 0)
        assert f"({phase})" in "".join(getattr(caught.value, "__notes__", ()))
