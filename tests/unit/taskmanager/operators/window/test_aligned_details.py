"""What else the operator for aligned windows must do right: choice, failures, alarms and tidiness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import WindowSpec
from millstream.common.records import MAX_WATERMARK, RecordBatch, Watermark
from millstream.common.typeinfo import Types
from millstream.datastream.functions import ProcessWindowFunction
from millstream.datastream.window import (
    CountEvictor,
    CountTrigger,
    EventTimeSessionWindows,
    EventTimeTrigger,
    GlobalWindows,
    ProcessingTimeTrigger,
    SlidingEventTimeWindows,
    TimeWindow,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)
from millstream.taskmanager.operators.operator import NO_RECORD, Operator, OperatorContext
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.window.aligned import AlignedWindowOperator, aligned_applies
from tests.unit.taskmanager.operators.support import build, context, keyed_size, snapshot_of
from tests.unit.taskmanager.operators.window.aligned_support import Average, Elements, outputs_of


class Listed(ProcessWindowFunction[Any, Any, Any, TimeWindow]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        yield from elements


def averages(assigner: Any = None, **more: Any) -> WindowSpec:
    return WindowSpec(assigner or TumblingEventTimeWindows(10), "aggregate", lambda v: v[0], Average(), **more)


def opened(spec: WindowSpec, *, inline: bool = False, clock: ManualProcessingTime | None = None) -> Operator:
    made: OperatorContext = context("averages", inline=inline)
    operator = build(AlignedWindowOperator, spec, made if clock is None else replace(made, processing_time=clock))
    operator.open()
    return operator


def results_of(outputs: Iterable[Any]) -> list[Any]:
    results: list[Any] = []
    outputs_of(outputs, results, [])
    return results


class OwnWindows(TumblingEventTimeWindows[Any]):
    pass


class OwnTrigger(EventTimeTrigger[Any]):
    pass


@pytest.mark.parametrize(
    ("spec", "applies"),
    [
        (averages(), True),
        (averages(SlidingEventTimeWindows(10, 5)), True),
        (averages(TumblingProcessingTimeWindows(10)), True),
        (averages(trigger=EventTimeTrigger()), True),
        (averages(trigger=ProcessingTimeTrigger()), False),
        (averages(trigger=OwnTrigger()), False),
        (averages(trigger=CountTrigger(3)), False),
        (averages(OwnWindows(10)), False),
        (averages(EventTimeSessionWindows(10)), False),
        (averages(GlobalWindows()), False),
        (averages(evictor=CountEvictor.of(1)), False),
    ],
)
def test_it_applies_to_built_in_windows_with_their_default_trigger(spec: WindowSpec, applies: bool) -> None:
    assert aligned_applies(spec, context()) is applies


@pytest.mark.parametrize("timestamps", [None, [1, None], [-(2**63), 1]])
def test_records_without_a_timestamp_are_refused(timestamps: list[int | None] | None) -> None:
    operator = opened(averages())
    with pytest.raises(MillstreamError, match="no timestamp") as caught:
        list(operator.process_batch(RecordBatch([("a", 1), ("b", 2)], timestamps)))
    site = operator.locate(caught.value, None)
    assert site.record == (("b", 2) if timestamps == [1, None] else ("a", 1))


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("with_keys", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_a_failing_function_is_named_with_its_record(inline: bool, with_keys: bool, late: bool) -> None:
    operator = opened(averages(allowed_lateness_ms=100), inline=inline)
    if late:
        list(operator.process_watermark(Watermark(50)))
    values = [("a", 1), ("a", "text"), ("a", 3)]
    keys = ["a", "a", "a"] if with_keys else None
    with pytest.raises(TypeError) as caught:
        list(operator.process_batch(RecordBatch(values, [1, 2, 3], keys)))
    site = operator.locate(caught.value, None)
    assert (site.info.name, site.phase, site.record) == ("averages", "add", ("a", "text"))
    if inline:
        assert site.replay is not None
        with pytest.raises(TypeError):
            site.replay()


@pytest.mark.parametrize("inline", [False, True])
def test_a_failing_key_selector_is_named_with_its_record(inline: bool) -> None:
    operator = opened(averages(), inline=inline)
    for bad, error in ((1, TypeError), (([], 1), TypeError)):
        with pytest.raises(error) as caught:
            list(operator.process_batch(RecordBatch([("a", 1), bad], [1, 2])))
        site = operator.locate(caught.value, None)
        assert (site.phase, site.record) == ("key_by", bad)


class Failing(Average):
    def __init__(self, method: str) -> None:
        self.method = method

    def create_accumulator(self) -> Any:
        return super().create_accumulator() if self.method != "create_accumulator" else self._fail()

    def get_result(self, accumulator: Any) -> Any:
        return self._fail()

    def _fail(self) -> Any:
        raise ValueError("it failed")


def feed_one(operator: Operator) -> None:
    list(operator.process_batch(RecordBatch([("a", 4)], [1])))
    list(operator.process_watermark(MAX_WATERMARK))


def test_failing_methods_of_aggregates_are_named() -> None:
    for method, record in (("create_accumulator", ("a", 4)), ("get_result", (4, 1))):
        operator = opened(replace(averages(), function=Failing(method)))
        with pytest.raises(ValueError, match="it failed") as caught:
            feed_one(operator)
        site = operator.locate(caught.value, None)
        assert (site.phase, site.record) == (method, record)


def test_a_failing_reduce_function_is_named() -> None:
    spec = WindowSpec(TumblingEventTimeWindows(10), "reduce", None, lambda a, b: a + b)
    for inline in (False, True):
        operator = opened(spec, inline=inline)
        with pytest.raises(TypeError) as caught:
            list(operator.process_batch(RecordBatch([1, 2, "text"], [1, 2, 3])))
        site = operator.locate(caught.value, None)
        assert (site.phase, site.record) == ("reduce", "text")


def test_a_failing_window_function_is_named() -> None:
    def failing(key: Any, window: Any, elements: Iterable[Any]) -> Iterator[Any]:
        yield 1
        raise ValueError("it failed")

    spec = WindowSpec(TumblingEventTimeWindows(10), "list", lambda v: v[0], None, failing)
    operator = opened(spec)
    list(operator.process_batch(RecordBatch([("a", 4)], [1])))
    with pytest.raises(ValueError, match="it failed") as caught:
        list(operator.process_watermark(MAX_WATERMARK))
    site = operator.locate(caught.value, None)
    assert (site.phase, site.record) == ("apply", NO_RECORD)


def test_many_keys_of_a_window_come_in_bounded_pieces_and_before_the_watermark() -> None:
    operator = opened(averages())
    count = 5_000
    list(operator.process_batch(RecordBatch([(key, key) for key in range(count)], [5] * count)))
    outputs = list(operator.process_watermark(Watermark(9)))
    assert outputs[-1] == Watermark(9)
    sizes = [len(output.values) for output in outputs[:-1] if isinstance(output, RecordBatch)]
    assert sum(sizes) == count
    assert max(sizes) <= 1024
    assert sorted(results_of(outputs)) == [(float(key), 9) for key in range(count)]
    assert next(iter(operator.records_out()))[1] == count


def test_nothing_remains_of_a_window_that_has_ended() -> None:
    operator = opened(averages(SlidingEventTimeWindows(10, 5), allowed_lateness_ms=20))
    empty = keyed_size(operator)
    list(operator.process_batch(RecordBatch([("a", 1), ("b", 2)], [3, 8])))
    list(operator.process_watermark(Watermark(33)))
    assert keyed_size(operator) > empty
    list(operator.process_watermark(Watermark(34)))
    assert keyed_size(operator) == empty


def test_late_records_are_counted() -> None:
    operator = opened(averages())
    list(operator.process_watermark(Watermark(9)))
    assert results_of(operator.process_batch(RecordBatch([("a", 1), ("b", 2)], [9, 10]))) == []
    assert operator.late_records_dropped() == 1
    assert results_of(operator.process_watermark(MAX_WATERMARK)) == [(2.0, 19)]


def test_results_that_were_emitted_do_not_change_with_later_elements() -> None:
    def extend(first: list[int], second: list[int]) -> list[int]:
        first.extend(second)
        return first

    operator = opened(WindowSpec(TumblingEventTimeWindows(10), "reduce", None, extend, allowed_lateness_ms=100))
    list(operator.process_batch(RecordBatch([[1]], [1])))
    results = results_of(operator.process_watermark(Watermark(50)))
    results += results_of(operator.process_batch(RecordBatch([[2], [3]], [1, 1])))
    assert [value for value, _ in results] == [[1], [1, 2], [1, 2, 3]]


def test_processing_time_windows_fire_when_their_last_millisecond_is_over() -> None:
    clock = ManualProcessingTime(1_003)
    operator = opened(averages(TumblingProcessingTimeWindows(10)), clock=clock)
    assert clock.alarm is None
    assert operator.process_batch(RecordBatch([("a", 1), ("a", 2)])) == ()
    assert clock.alarm == 1_010
    clock.set_now(1_009)
    assert results_of(operator.on_wake(1_009)) == []
    operator.process_batch(RecordBatch([("a", 6)]))
    clock.set_now(1_010)
    assert results_of(operator.on_wake(1_010)) == [(3.0, 1_009)]
    assert clock.alarm is None


@pytest.mark.parametrize(
    "spec", [averages(), averages(TumblingProcessingTimeWindows(10), batch=True)], ids=["event time", "batch"]
)
def test_an_alarm_that_comes_for_nothing_does_nothing(spec: WindowSpec) -> None:
    operator = opened(spec, clock=ManualProcessingTime(1_003))
    list(operator.process_batch(RecordBatch([("a", 1)], [1_003])))
    assert list(operator.on_wake(5_000)) == []
    assert results_of(operator.process_watermark(MAX_WATERMARK)) == [(1.0, 1_009)]


def test_processing_time_windows_go_on_after_a_restart() -> None:
    clock = ManualProcessingTime(1_003)
    spec = averages(TumblingProcessingTimeWindows(10))
    operator = opened(spec, clock=clock)
    operator.process_batch(RecordBatch([("a", 1)]))
    later = replace(context(), processing_time=ManualProcessingTime(5_000))
    restored = build(AlignedWindowOperator, spec, later, snapshot_of(operator))
    restored.open()
    assert results_of(restored.on_wake(5_000)) == [(1.0, 1_009)]


def test_results_get_their_output_type() -> None:
    for lateness in (0, 5):
        incremental = averages(output_type=Types.FLOAT(), allowed_lateness_ms=lateness)
        evaluated = replace(incremental, window_function=Listed())
        for spec in (incremental, evaluated):
            operator = opened(spec)
            list(operator.process_batch(RecordBatch([("a", 1), ("a", 1), ("a", 2)], [1, 1, 1])))
            results = results_of(operator.process_watermark(Watermark(9)))
            if lateness:
                results = results_of(operator.process_batch(RecordBatch([("a", 0)], [1])))
            assert results == [(1.0, 9) if lateness else (1.3333333730697632, 9)]  # of 32 bits


def test_elements_that_are_kept_are_handed_out_as_they_were_then() -> None:
    spec = WindowSpec(TumblingEventTimeWindows(10), "list", None, None, lambda window, elements: [elements])
    operator = opened(replace(spec, allowed_lateness_ms=5))
    list(operator.process_batch(RecordBatch([1], [1])))
    first = results_of(operator.process_watermark(Watermark(9)))
    second = results_of(operator.process_batch(RecordBatch([2], [1])))
    assert [value for value, _ in first + second] == [[1], [1, 2]]


def test_aggregate_functions_are_opened_and_closed() -> None:
    calls: list[str] = []

    class Recording(Elements):
        def open(self, runtime_context: Any) -> None:
            calls.append(runtime_context.get_task_name())

        def close(self) -> None:
            calls.append("closed")

    operator = opened(replace(averages(), function=Recording()))
    operator.close()
    assert calls == ["averages", "closed"]
