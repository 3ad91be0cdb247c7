"""A failure in windows names operator, method and record."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.common.graph.operator_spec import WindowSpec
from millstream.common.records import RecordBatch, Watermark
from millstream.datastream.functions import AggregateFunction, ProcessWindowFunction, ReduceFunction
from millstream.datastream.window import (
    CountTrigger,
    EventTimeSessionWindows,
    EventTimeTrigger,
    Evictor,
    GlobalWindow,
    GlobalWindows,
    NeverTrigger,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    WindowAssigner,
)
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, OperatorContext, OperatorInfo
from millstream.taskmanager.operators.processing_time import ManualProcessingTime
from millstream.taskmanager.operators.window.window_operator import WindowOperator

BAD = ("a", -1)
GOOD = ("a", 1)


class Fault(Exception):
    pass


def key_of(value: Any) -> Any:
    return value[0]


def site_of(spec: WindowSpec, records: list[Any], timestamps: list[int | None] | None = None) -> FailureSite:
    """Where the operator fails with these records, or with the time that passes after them."""
    clock = ManualProcessingTime()
    operator = WindowOperator(spec, OperatorContext(OperatorInfo("windows"), processing_time=clock))
    operator.open()
    with pytest.raises(Fault) as caught:
        work(operator, clock, RecordBatch(records, timestamps or [0] * len(records)))
    site = operator.locate(caught.value, None)
    assert site.info.name == "windows"
    return site


def work(operator: WindowOperator, clock: ManualProcessingTime, batch: RecordBatch) -> None:
    list(operator.process_batch(batch))
    list(operator.process_watermark(Watermark(100)))
    clock.set_now(1_000)
    list(operator.on_wake(1_000))


class Faulty(AggregateFunction):
    def __init__(self, method: str) -> None:
        self.method = method

    def create_accumulator(self) -> int:
        if self.method == "create_accumulator":
            raise Fault
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        if self.method == "add" and value == BAD:
            raise Fault
        return accumulator + int(value[1])

    def get_result(self, accumulator: int) -> int:
        if self.method == "get_result":
            raise Fault
        return accumulator

    def merge(self, acc_a: int, acc_b: int) -> int:
        if self.method == "merge":
            raise Fault
        return acc_a + acc_b


@pytest.mark.parametrize(
    ("method", "record"),
    [("create_accumulator", GOOD), ("add", BAD), ("get_result", NO_RECORD), ("merge", ("a", 3))],
)
def test_aggregate_functions(method: str, record: Any) -> None:
    spec = WindowSpec(EventTimeSessionWindows(10), "aggregate", key_of, Faulty(method))
    site = site_of(spec, [GOOD, BAD, ("a", 3)], [0, 12, 7])
    assert (site.phase, site.record) == (method, record)


@pytest.mark.parametrize("method", ["create_accumulator", "add", "get_result"])
def test_aggregate_functions_with_an_evictor(method: str) -> None:
    spec = WindowSpec(
        EventTimeSessionWindows(10), "list", key_of, evictor=FaultyEvictor(""), incremental=Faulty(method)
    )
    site = site_of(spec, [GOOD, BAD])
    assert (site.phase, site.record) == (method, NO_RECORD)


class FaultyReduce(ReduceFunction):
    def reduce(self, value1: Any, value2: Any) -> Any:
        return faulty_reduce(value1, value2)


def faulty_reduce(a: Any, b: Any) -> Any:
    if b == BAD:
        raise Fault
    return a


@pytest.mark.parametrize("function", [FaultyReduce(), faulty_reduce])
def test_reduce_functions(function: Any) -> None:
    site = site_of(WindowSpec(EventTimeSessionWindows(10), "reduce", key_of, function), [GOOD, GOOD, BAD])
    assert (site.phase, site.record) == ("reduce", BAD)


class FaultyEvictor(Evictor[Any, Any]):
    def __init__(self, method: str) -> None:
        self.method = method

    def evict_before(self, elements: Any, size: int, window: Any, evictor_context: Any) -> None:
        if self.method == "evict_before":
            raise Fault

    def evict_after(self, elements: Any, size: int, window: Any, evictor_context: Any) -> None:
        if self.method == "evict_after":
            raise Fault


@pytest.mark.parametrize("method", ["evict_before", "evict_after"])
def test_evictors(method: str) -> None:
    spec = WindowSpec(
        GlobalWindows.create(), "list", key_of, None, shown, CountTrigger.of(2), evictor=FaultyEvictor(method)
    )
    site = site_of(spec, [GOOD, BAD])
    assert (site.phase, site.record) == (method, BAD)


def shown(key: Any, window: Any, inputs: Any) -> Any:
    return list(inputs)


class FaultyFunction(ProcessWindowFunction[Any, Any, Any, Any]):
    def __init__(self, method: str) -> None:
        self.method = method

    def process(self, key: Any, context: Any, elements: Any) -> Any:
        if self.method == "process":
            raise Fault
        yield 1
        if self.method == "later":
            raise Fault

    def clear(self, context: Any) -> None:
        if self.method == "clear":
            raise Fault


@pytest.mark.parametrize("method", ["process", "later", "clear"])
@pytest.mark.parametrize("assigner", [TumblingEventTimeWindows(10), TumblingProcessingTimeWindows(10)])
def test_process_window_functions(method: str, assigner: Any) -> None:
    site = site_of(WindowSpec(assigner, "list", key_of, None, FaultyFunction(method)), [GOOD])
    assert (site.phase, site.record) == ("clear" if method == "clear" else "process", NO_RECORD)


@pytest.mark.parametrize("method", ["process", "later"])
def test_process_window_functions_that_an_element_fires(method: str) -> None:
    spec = WindowSpec(GlobalWindows.create(), "list", key_of, None, FaultyFunction(method), CountTrigger.of(2))
    site = site_of(spec, [GOOD, BAD, GOOD])
    assert (site.phase, site.record) == ("process", BAD)


def test_apply() -> None:
    def faulty(key: Any, window: Any, inputs: Any) -> Any:
        raise Fault

    site = site_of(WindowSpec(SlidingEventTimeWindows(10, 5), "list", key_of, None, faulty), [GOOD])
    assert (site.phase, site.record) == ("apply", NO_RECORD)


class FaultyTrigger(EventTimeTrigger[Any]):
    def __init__(self, method: str) -> None:
        self.method = method

    def _fail(self, method: str) -> None:
        if method == self.method:
            raise Fault

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: Any) -> Any:
        if element == BAD:
            self._fail("on_element")
        ctx.register_processing_time_timer(5)
        return super().on_element(element, timestamp, window, ctx)

    def on_event_time(self, time: int, window: Any, ctx: Any) -> Any:
        self._fail("on_event_time")
        return super().on_event_time(time, window, ctx)

    def on_processing_time(self, time: int, window: Any, ctx: Any) -> Any:
        self._fail("on_processing_time")
        return super().on_processing_time(time, window, ctx)

    def on_merge(self, window: Any, ctx: Any) -> None:
        self._fail("on_merge")
        super().on_merge(window, ctx)

    def clear(self, window: Any, ctx: Any) -> None:
        self._fail("clear")
        super().clear(window, ctx)


@pytest.mark.parametrize(
    ("method", "record"),
    [
        ("on_element", BAD),
        ("on_event_time", NO_RECORD),
        ("on_merge", BAD),
        ("clear", BAD),
    ],
)
def test_triggers(method: str, record: Any) -> None:
    spec = WindowSpec(EventTimeSessionWindows(10), "list", key_of, None, shown, FaultyTrigger(method))
    site = site_of(spec, [GOOD, BAD], [0, 5])
    assert (site.phase, site.record) == (method, record)


def test_triggers_in_processing_time() -> None:
    spec = WindowSpec(TumblingEventTimeWindows(1_000), "list", key_of, None, shown, FaultyTrigger("on_processing_time"))
    site = site_of(spec, [GOOD])
    assert (site.phase, site.record) == ("on_processing_time", NO_RECORD)


class FaultyAssigner(WindowAssigner[Any, GlobalWindow]):
    def assign_windows(self, element: Any, timestamp: int, context: Any) -> Any:
        if element == BAD:
            raise Fault
        return [GlobalWindow.get()]

    def get_default_trigger(self, env: Any) -> Any:
        return NeverTrigger()

    def get_window_serializer(self) -> Any:
        return None

    def is_event_time(self) -> bool:
        return False


def test_assigners_and_key_selectors() -> None:
    site = site_of(WindowSpec(FaultyAssigner(), "list", key_of, None, shown), [GOOD, BAD])
    assert (site.phase, site.record) == ("assign_windows", BAD)

    def faulty_key(value: Any) -> Any:
        if value == BAD:
            raise Fault
        return 1

    site = site_of(WindowSpec(GlobalWindows.create(), "list", faulty_key, None, shown), [GOOD, BAD])
    assert (site.phase, site.record) == ("key_by", BAD)


def test_open() -> None:
    operator = WindowOperator(
        WindowSpec(GlobalWindows.create(), "list", key_of, None, shown), OperatorContext(OperatorInfo("windows"))
    )
    assert operator.locate(Fault(), "open") == FailureSite(OperatorInfo("windows"), "open")
