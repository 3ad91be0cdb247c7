"""Process functions on streams without keys, and how their results are collected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from millstream.common.errors import MillstreamError
from millstream.common.graph.operator_spec import ProcessSpec
from millstream.common.records import MIN_TIMESTAMP, RecordBatch, Watermark
from millstream.common.typeinfo import Types
from millstream.datastream.functions import ProcessFunction
from millstream.datastream.output_tag import OutputTag
from millstream.datastream.state import ValueStateDescriptor
from millstream.taskmanager.operators.operator import Operator, Output, SideOutput
from millstream.taskmanager.operators.registry import create_operator
from millstream.taskmanager.operators.result_collector import ResultCollector
from tests.unit.taskmanager.operators.support import context, failure_of

EVEN = OutputTag("even", Types.STRING())


def _operator(function: Any, **spec: Any) -> Operator:
    operator = create_operator(ProcessSpec(function, **spec), context("proc"))
    operator.open()
    return operator


def _main(outputs: list[Output]) -> list[tuple[Any, int | None]]:
    return [
        pair
        for output in outputs
        if isinstance(output, RecordBatch)
        for pair in zip(output.values, output.timestamps or [None] * len(output.values), strict=True)
    ]


def _side(outputs: list[Output], tag: str) -> list[tuple[Any, int | None]]:
    return _main([output.batch for output in outputs if isinstance(output, SideOutput) and output.tag == tag])


class Split(ProcessFunction):
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[Any]:
        if value % 2 == 0:
            yield EVEN, str(value)
        else:
            yield value, ctx.timestamp()


class Collecting(ProcessFunction):
    def process_element(self, value: Any, ctx: Any, out: Any) -> None:  # type: ignore[override]  # the other style
        if value % 2 == 0:
            ctx.output(EVEN, str(value))
            out.collect((EVEN, str(value)))
        else:
            out.collect((value, ctx.timestamp()))


class Returning(ProcessFunction):
    def __init__(self, result: Any) -> None:
        self.result = result

    def process_element(self, value: Any, ctx: Any) -> Any:
        return self.result


def test_results_go_to_the_main_output_and_to_side_outputs() -> None:
    operator = _operator(Split())
    outputs = list(operator.process_batch(RecordBatch([1, 2, 3, 4], [10, 20, None, 40])))
    assert _main(outputs) == [((1, 10), 10), ((3, MIN_TIMESTAMP), None)]
    assert _side(outputs, "even") == [("2", 20), ("4", 40)]
    outputs = list(operator.process_batch(RecordBatch([1, 2])))
    assert _main(outputs) == [((1, MIN_TIMESTAMP), None)]
    assert all(each.timestamps is None for each in outputs if isinstance(each, RecordBatch))
    assert _side(outputs, "even") == [("2", None)]
    assert [count for _, count in operator.records_out()] == [3]


def test_results_may_be_handed_to_a_collector() -> None:
    outputs = list(_operator(Collecting()).process_batch(RecordBatch([1, 2], [10, 20])))
    assert _main(outputs) == [((1, 10), 10)]
    assert _side(outputs, "even") == [("2", 20), ("2", 20)]


@pytest.mark.parametrize(
    ("result", "expected"),
    [(None, []), ([], []), ([1, (2, 3)], [1, (2, 3)]), ("ab", ["a", "b"]), ({"k": 1}, ["k"]), (0, []), (((),), [()])],
)
def test_whatever_can_be_iterated_is_the_results(result: Any, expected: list[Any]) -> None:
    outputs = list(_operator(Returning(result)).process_batch(RecordBatch([1])))
    assert [value for value, _ in _main(outputs)] == expected


def test_what_cannot_be_iterated_is_refused() -> None:
    operator = _operator(Returning(5))
    error = failure_of(operator, ["record"])
    assert "returned 5 of type int; it has to yield its results" in str(error)
    assert operator.locate(error, None).record == "record"


def test_results_are_what_their_type_says() -> None:
    operator = _operator(Returning([1, (OutputTag("n", Types.DOUBLE()), 2)]), output_type=Types.DOUBLE())
    outputs = list(operator.process_batch(RecordBatch([1])))
    assert [(value, type(value)) for value, _ in _main(outputs) + _side(outputs, "n")] == [(1.0, float), (2.0, float)]


def test_a_side_output_needs_a_tag() -> None:
    class Wrong(ProcessFunction):
        def process_element(self, value: Any, ctx: Any) -> Any:
            ctx.output("name", value)

    assert "named by an OutputTag, not by 'name'" in str(failure_of(_operator(Wrong()), [1]))


def test_a_long_generator_comes_in_pieces() -> None:
    class Many(ProcessFunction):
        def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
            for number in range(value):
                yield number if number % 3 else (EVEN, str(number))

    outputs = list(_operator(Many()).process_batch(RecordBatch([10_000, 5], [1, 2])))
    assert max(len(each) for each in outputs if isinstance(each, RecordBatch)) <= 1024
    assert max(len(each.batch) for each in outputs if isinstance(each, SideOutput)) <= 1024
    assert _main(outputs) == [(n, 1) for n in range(10_000) if n % 3] + [(n, 2) for n in range(5) if n % 3]
    assert _side(outputs, "even")[-1] == ("3", 2)


def test_times_are_known_but_timers_and_state_need_keys() -> None:
    seen = []

    class Times(ProcessFunction):
        def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Any:
            service = ctx.timer_service()
            seen.append((service.current_watermark(), service.current_processing_time()))
            getattr(service, value)(1)

    operator = _operator(Times())
    for method in (
        "register_event_time_timer",
        "register_processing_time_timer",
        "delete_event_time_timer",
        "delete_processing_time_timer",
    ):
        assert "only supported on keyed streams" in str(failure_of(operator, [method]))
        assert list(operator.process_watermark(Watermark(5))) == [Watermark(5)]
    assert seen == [(MIN_TIMESTAMP, 0), (5, 0), (5, 0), (5, 0)]

    class Stateful(Times):
        def open(self, runtime_context: Any) -> None:
            runtime_context.get_state(ValueStateDescriptor("v", Types.INT()))

    with pytest.raises(MillstreamError, match=r"get_state\(\) of operator 'proc': keyed state needs .*key_by"):
        _operator(Stateful())


@pytest.mark.parametrize("lazy", [False, True])
def test_what_fails_is_named(lazy: bool) -> None:
    class Eager(ProcessFunction):
        def process_element(self, value: Any, ctx: Any) -> Any:
            return [1 // value]

    class Lazy(ProcessFunction):
        def process_element(self, value: Any, ctx: Any) -> Any:
            yield value
            yield 1 // value

    operator = _operator(Lazy() if lazy else Eager())
    site = operator.locate(failure_of(operator, [1, 2, 0, 3]), None)
    assert (site.info.name, site.phase, site.record) == ("proc", "process_element", 0)


def test_the_pump_serves_other_operators() -> None:
    collector = ResultCollector()

    def failing() -> Iterator[Any]:
        yield "last"
        raise ValueError

    def calls() -> Iterator[tuple[int | None, Any]]:
        for record in range(5):
            yield record, range(record * 1000)
        record = 5
        yield record, failing()

    outputs: list[Any] = []
    with pytest.raises(ValueError, match=r"^$") as caught:
        outputs.extend(iter(collector.pump(calls())))
    assert collector.variables_of_call(caught.value)["record"] == 5
    collector = ResultCollector()
    pieces: list[Any] = list(collector.pump((record, range(record * 1000)) for record in range(5)))
    assert max(map(len, pieces)) <= 1024
    assert _main(pieces) == [(value, record) for record in range(5) for value in range(record * 1000)]
    assert collector.records_out == 10_000
