"""What else the operator for sessions must do right: choice, failures, alarms and tidiness."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import AggregateSpec, WindowSpec
from millstream.common.records import MAX_WATERMARK, RecordBatch, Watermark
from millstream.common.typeinfo import Types
from millstream.datastream.functions import AggregateFunction, ProcessWindowFunction
from millstream.datastream.window import (
    CountEvictor,
    CountTrigger,
    DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
    EventTimeSessionWindows,
    EventTimeTrigger,
    ProcessingTimeSessionWindows,
    ProcessingTimeTrigger,
    SessionWindowTimeGapExtractor,
    TumblingEventTimeWindows,
)
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, Operator
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.window.create import create_window_operator
from millstream.taskmanager.operators.window.session import SessionWindowOperator, sessions_apply
from millstream.taskmanager.operators.window.window_operator import WindowOperator
from tests.unit.taskmanager.operators.support import build, context, keyed_size, snapshot_of
from tests.unit.taskmanager.operators.window.aligned_support import outputs_of

BAD = ("a", -1)


class Fault(Exception):
    pass


class Sums(AggregateFunction):
    """Adds up the second fields; fails in one method, when the bad element is in it."""

    def __init__(self, method: str = "") -> None:
        self.method = method

    def fail(self, method: str, *found: Any) -> None:
        if method == self.method and any(-1 in (each if isinstance(each, tuple) else (each,)) for each in found):
            raise Fault

    def create_accumulator(self) -> tuple[int, ...]:
        if self.method == "create_accumulator":
            raise Fault
        return ()

    def add(self, value: tuple[str, int], accumulator: tuple[int, ...]) -> tuple[int, ...]:
        self.fail("add", value[1])
        return (*accumulator, value[1])

    def get_result(self, accumulator: tuple[int, ...]) -> tuple[int, ...]:
        self.fail("get_result", accumulator)
        return accumulator

    def merge(self, acc_a: tuple[int, ...], acc_b: tuple[int, ...]) -> tuple[int, ...]:
        self.fail("merge", acc_a, acc_b)
        return acc_a + acc_b


class Gap(SessionWindowTimeGapExtractor):
    """A gap of 10, or what is no gap."""

    def __init__(self, bad: Any) -> None:
        self.bad = bad

    def extract(self, element: Any) -> Any:
        if element != BAD:
            return 10
        if self.bad is Fault:
            raise Fault
        return self.bad


class Failing(ProcessWindowFunction[Any, Any, Any, Any]):
    def __init__(self, method: str) -> None:
        self.method = method

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Any:
        self._fail("process", elements)
        yield 1
        self._fail("later", elements)

    def clear(self, context: Any) -> None:
        self._fail("clear", [BAD])

    def _fail(self, method: str, elements: Iterable[Any]) -> None:
        if method == self.method and BAD in elements:
            raise Fault


def reduced(first: Any, second: Any) -> Any:
    if -1 in (first[1], second[1]):
        raise Fault
    return second


def key_of(value: Any) -> Any:
    return value[0]


def bad_key_of(value: Any) -> Any:
    if value == BAD:
        raise Fault
    return value[0]


def applied(key: Any, window: Any, inputs: Any) -> Any:
    if BAD in inputs:
        raise Fault
    return ()


def spec_of(
    kind: str = "list", function: Any = None, window_function: Any = None, key: Any = key_of, assigner: Any = None
) -> WindowSpec:
    return WindowSpec(assigner or EventTimeSessionWindows(10), kind, key, function, window_function)


FAILING = {
    "key": spec_of(key=bad_key_of, window_function=Failing("")),
    "create": spec_of("aggregate", Sums("create_accumulator")),
    "add": spec_of("aggregate", Sums("add")),
    "result": spec_of("aggregate", Sums("get_result")),
    "result for a function": spec_of("aggregate", Sums("get_result"), lambda key, window, inputs: inputs),
    "merge": spec_of("aggregate", Sums("merge")),
    "reduce": spec_of("reduce", reduced),
    "gap": spec_of(window_function=Failing(""), assigner=DynamicEventTimeSessionWindows(Gap(Fault))),
    "no gap": spec_of(window_function=Failing(""), assigner=DynamicEventTimeSessionWindows(Gap(0))),
    "half a gap": spec_of(window_function=Failing(""), assigner=DynamicEventTimeSessionWindows(Gap(0.5))),
    "process": spec_of(window_function=Failing("process")),
    "later": spec_of(window_function=Failing("later")),
    "clear": spec_of(window_function=Failing("clear")),
    "apply": spec_of(window_function=applied),
}
STREAMS: dict[str, list[Any]] = {
    "alone": [("a", 1), BAD],
    "late": [30, ("a", 1), BAD],
    "bridge": [("a", 1, 0), ("b", 7, 0), (*BAD, 15), ("a", 2, 7)],
    "bridge to what was bad": [(*BAD, 0), ("a", 1, 15), ("a", 2, 7)],
    "late bridge": [30, (*BAD, 0), ("a", 1, 15), ("a", 2, 7)],
}


def site_of(operator: Operator, stream: list[Any], with_keys: bool) -> FailureSite | None:
    """Where the operator fails; ``None``: it does not."""
    operator.open()
    elements = [step for step in stream if not isinstance(step, int)]
    values = [element[:2] for element in elements]
    stamps: list[int | None] = [element[2] if len(element) > 2 else 3 for element in elements]
    try:
        if isinstance(stream[0], int):
            list(operator.process_watermark(Watermark(stream[0])))
        list(operator.process_batch(RecordBatch(values, stamps, [key for key, _ in values] if with_keys else None)))
        list(operator.process_watermark(MAX_WATERMARK))
    except (Fault, MillstreamError) as error:
        return operator.locate(error, None)
    return None


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("failing", FAILING)
@pytest.mark.parametrize("lateness", [0, 100])
def test_failures_are_located_as_in_the_general_operator(failing: str, stream: str, lateness: int) -> None:
    spec = replace(FAILING[failing], allowed_lateness_ms=lateness)
    for with_keys in (False, True):
        expected = site_of(WindowOperator(spec, context("sessions")), STREAMS[stream], with_keys)
        for inline in (False, True):
            operator = SessionWindowOperator(spec, context("sessions", inline=inline))
            site = site_of(operator, STREAMS[stream], with_keys)
            assert (site is None) is (expected is None)
            if site is not None and expected is not None:
                assert (site.info, site.phase, site.record) == (expected.info, expected.phase, expected.record)


def feed_all(operator: Operator, values: list[Any]) -> None:
    list(operator.process_batch(RecordBatch(values, [3] * len(values))))
    list(operator.process_watermark(MAX_WATERMARK))


class Plain(AggregateFunction):
    """Its methods are mere expressions."""

    def create_accumulator(self) -> Any:
        return (0, 0)

    def add(self, value: Any, accumulator: Any) -> Any:
        return (accumulator[0] + value[1], accumulator[1] + 1)

    def get_result(self, accumulator: Any) -> Any:
        return 1 / accumulator[0]

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return (acc_a[0] + acc_b[0], acc_a[1] + acc_b[1])


@pytest.mark.parametrize(
    ("spec", "values", "phase", "record"),
    [
        (spec_of("aggregate", Plain()), [("a", 1), ("a", "text")], "add", ("a", "text")),
        (spec_of("aggregate", Plain()), [("a", 1), ("b", 0)], "get_result", NO_RECORD),
        (spec_of("aggregate", Plain()), [("a", 1), 5], "key_by", 5),
        (spec_of("reduce", lambda a, b: a + b, key=lambda v: 0), [1, 2, "text"], "reduce", "text"),
        (
            spec_of("list", window_function=applied, assigner=DynamicEventTimeSessionWindows(lambda v: v[7])),  # type: ignore[arg-type]  # callables do as well
            [("a", 1)],
            "assign_windows",
            ("a", 1),
        ),
    ],
)
def test_what_stands_in_the_loop_can_be_called_again(
    spec: WindowSpec, values: list[Any], phase: str, record: Any
) -> None:
    operator = SessionWindowOperator(spec, context(inline=True))
    operator.open()
    with pytest.raises((TypeError, ZeroDivisionError, IndexError)) as caught:
        feed_all(operator, values)
    site = operator.locate(caught.value, None)
    assert (site.phase, site.record) == (phase, record)
    assert site.replay is not None
    with pytest.raises(type(caught.value)):
        site.replay()


def test_built_in_aggregations_are_named() -> None:
    operator = create_window_operator(spec_of("reduce", AggregateSpec("max", 1, key_of)), context())
    assert isinstance(operator, SessionWindowOperator)
    operator.open()
    with pytest.raises(TypeError) as caught:
        list(operator.process_batch(RecordBatch([("a", 1), ("a", "text")], [1, 2])))
    site = operator.locate(caught.value, None)
    assert (site.phase, site.record) == ("max", ("a", "text"))


@pytest.mark.parametrize("timestamps", [None, [1, None], [-(2**63), 1]])
@pytest.mark.parametrize("assigner", [EventTimeSessionWindows(10), DynamicEventTimeSessionWindows(Gap(1))])
def test_records_without_a_timestamp_are_refused(assigner: Any, timestamps: list[int | None] | None) -> None:
    for key in (key_of, lambda _: 0):
        operator = SessionWindowOperator(spec_of(window_function=applied, key=key, assigner=assigner), context())
        with pytest.raises(MillstreamError, match="no timestamp") as caught:
            list(operator.process_batch(RecordBatch([("a", 1), ("b", 2)], timestamps)))
        site = operator.locate(caught.value, None)
        assert (site.phase, site.record) == ("assign_windows", ("b", 2) if timestamps == [1, None] else ("a", 1))


class OwnSessions(EventTimeSessionWindows[Any]):
    pass


@pytest.mark.parametrize(
    ("spec", "applies"),
    [
        (spec_of(), True),
        (spec_of(assigner=ProcessingTimeSessionWindows(10)), True),
        (spec_of(assigner=DynamicEventTimeSessionWindows(Gap(1))), True),
        (spec_of(assigner=DynamicProcessingTimeSessionWindows(Gap(1))), True),
        (replace(spec_of(), trigger=EventTimeTrigger()), True),
        (replace(spec_of(), trigger=ProcessingTimeTrigger()), False),
        (replace(spec_of(), trigger=CountTrigger(3)), False),
        (replace(spec_of(), evictor=CountEvictor.of(1)), False),
        (spec_of(assigner=OwnSessions(10)), False),
        (spec_of(assigner=TumblingEventTimeWindows(10)), False),
    ],
)
def test_it_applies_to_built_in_sessions_with_their_default_trigger(spec: WindowSpec, applies: bool) -> None:
    assert sessions_apply(spec) is applies
    spec = replace(spec, window_function=applied)
    assert isinstance(create_window_operator(spec, context()), SessionWindowOperator) is applies


def results_of(outputs: Iterable[Any]) -> list[Any]:
    results: list[Any] = []
    outputs_of(outputs, results, [])
    return results


def test_many_sessions_come_in_bounded_pieces_and_before_the_watermark() -> None:
    count = 5_000
    for window_function in (None, lambda key, window, inputs: inputs):
        spec = spec_of("aggregate", Sums(), window_function, key=lambda v: v[1])
        operator = SessionWindowOperator(spec, context())
        list(operator.process_batch(RecordBatch([("a", number) for number in range(count)], [5] * count)))
        outputs = list(operator.process_watermark(Watermark(14)))
        assert outputs[-1] == Watermark(14)
        sizes = [len(output.values) for output in outputs if isinstance(output, RecordBatch)]
        assert sum(sizes) == count
        assert max(sizes) <= 1024
        assert sorted(results_of(outputs)) == [((number,), 14) for number in range(count)]
        assert next(iter(operator.records_out()))[1] == count


@pytest.mark.parametrize("lateness", [0, 50])
def test_the_clock_is_looked_at_between_many_timers_that_come_too_early(lateness: int) -> None:
    spec = replace(spec_of("aggregate", Sums(), key=lambda v: v[1]), allowed_lateness_ms=lateness)
    operator = SessionWindowOperator(spec, context())
    values = [("a", number) for number in range(5_000)]
    for timestamp in (5, 10):
        list(operator.process_batch(RecordBatch(values, [timestamp] * len(values))))
    outputs = list(operator.process_watermark(Watermark(14)))
    assert len(outputs) >= 5
    assert results_of(outputs) == []
    assert len(results_of(operator.process_watermark(Watermark(19)))) == len(values)


def test_nothing_remains_of_a_session_that_has_ended() -> None:
    for lateness in (0, 20):
        spec = replace(spec_of("aggregate", Sums()), allowed_lateness_ms=lateness)
        operator = build(SessionWindowOperator, spec, context())
        empty = keyed_size(operator)
        values = [("a", 1), ("b", 2), ("a", 3), ("a", 4)]
        list(operator.process_batch(RecordBatch(values, [3, 8, 40, 30])))
        list(operator.process_watermark(Watermark(48 + lateness)))
        assert keyed_size(operator) > empty
        list(operator.process_watermark(Watermark(49 + lateness)))
        assert keyed_size(operator) == empty


def test_the_alarm_is_set_for_the_end_of_the_first_session() -> None:
    clock = ManualProcessingTime(1_000)
    spec = spec_of("aggregate", Sums(), assigner=ProcessingTimeSessionWindows(10))
    operator = SessionWindowOperator(spec, replace(context(), processing_time=clock))
    operator.open()
    assert clock.alarm is None
    operator.process_batch(RecordBatch([("a", 1)]))
    assert clock.alarm == 1_010
    clock.set_now(1_006)
    operator.process_batch(RecordBatch([("a", 2)]))
    clock.set_now(1_010)
    assert results_of(operator.on_wake(1_010)) == []
    assert clock.alarm == 1_016
    clock.set_now(1_016)
    assert results_of(operator.on_wake(1_016)) == [((1, 2), 1_015)]
    assert clock.alarm is None


def test_sessions_of_processing_time_go_on_from_a_snapshot() -> None:
    spec = spec_of("aggregate", Sums(), assigner=ProcessingTimeSessionWindows(10))
    operator = build(SessionWindowOperator, spec, replace(context(), processing_time=ManualProcessingTime(1_000)))
    operator.process_batch(RecordBatch([("a", 1)]))
    clock = ManualProcessingTime(5_000)
    restored = build(SessionWindowOperator, spec, replace(context(), processing_time=clock), snapshot_of(operator))
    restored.open()
    assert clock.alarm == 1_010
    assert results_of(restored.on_wake(5_000)) == [((1,), 1_009)]


def test_results_get_their_output_type() -> None:
    for lateness in (0, 5):
        for window_function in (None, lambda key, window, inputs: inputs):
            spec = replace(
                spec_of("aggregate", Plain(), window_function),
                output_type=Types.FLOAT(),
                allowed_lateness_ms=lateness,
            )
            operator = SessionWindowOperator(spec, context())
            list(operator.process_batch(RecordBatch([("a", 1), ("a", 2)], [1, 1])))
            assert results_of(operator.process_watermark(Watermark(10))) == [(0.3333333432674408, 10)]  # of 32 bits


def test_functions_are_opened_and_closed() -> None:
    calls: list[str] = []

    class Recording(Sums):
        def open(self, runtime_context: Any) -> None:
            calls.append(runtime_context.get_task_name())

        def close(self) -> None:
            calls.append("closed")

    operator = SessionWindowOperator(spec_of("aggregate", Recording()), context())
    operator.open()
    operator.close()
    assert calls == ["op", "closed"]
    assert operator.locate(Fault(), "open") == FailureSite(operator.infos[0], "open")
