"""The fast operator for windows of so many elements gives what the general one gives, record by record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.graph.operator_spec import AggregateSpec, WindowSpec
from millstream.common.records import RecordBatch
from millstream.common.typeinfo import Types
from millstream.datastream import OutputTag
from millstream.datastream.functions import ProcessAllWindowFunction, ProcessWindowFunction
from millstream.datastream.state import ListStateDescriptor, ValueStateDescriptor
from millstream.datastream.window import (
    CountEvictor,
    CountSlidingWindowAssigner,
    CountTrigger,
    CountTumblingWindowAssigner,
    CountWindow,
)
from millstream.taskmanager.operators.operator import FailureSite, Operator
from millstream.taskmanager.operators.window.count import CountWindowOperator, counts_apply
from millstream.taskmanager.operators.window.create import create_window_operator
from millstream.taskmanager.operators.window.window_operator import WindowOperator
from tests.unit.taskmanager.operators.support import context, run
from tests.unit.taskmanager.operators.window.test_session_details import (
    BAD,
    Failing,
    Fault,
    Plain,
    Sums,
    applied,
    bad_key_of,
    key_of,
    reduced,
)
from tests.unit.taskmanager.operators.window.test_sessions_and_general import (
    FUNCTIONS,
    Applied,
    AppliedToAll,
    Driven,
)

BESIDE = OutputTag("beside")
SEEN: ListStateDescriptor = ListStateDescriptor("seen")
FIRINGS = ValueStateDescriptor("firings", Types.LONG())


class Everything(ProcessWindowFunction[Any, Any, Any, CountWindow]):
    """Says all that it can find out, and leaves traces in the state of the key and of the window."""

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        in_window = context.window_state().get_state(FIRINGS)
        in_window.update((in_window.value() or 0) + 1)
        seen = context.global_state().get_list_state(SEEN)
        seen.add(context.window().id)
        yield BESIDE, (key, "fires")
        yield key, context.window(), elements, in_window.value(), list(seen.get()), context.current_watermark()

    def clear(self, context: Any) -> None:
        in_window = context.window_state().get_state(FIRINGS)
        context.output(BESIDE, (context.window(), in_window.value()))
        if context.window().id % 2:
            in_window.clear()


class EverythingOfAll(ProcessAllWindowFunction[Any, Any, CountWindow]):
    def process(self, context: Any, elements: Iterable[Any], out: Any) -> None:  # type: ignore[override]  # collectors are allowed
        out.collect((context.window(), elements))
        context.output(BESIDE, context.window())


@st.composite
def specs(draw: st.DrawFn) -> WindowSpec:
    """Counted windows of any kind."""
    kind = draw(st.sampled_from(list(FUNCTIONS)))
    keyed = draw(st.booleans())
    functions: list[Any] = [Everything(), Applied()] if keyed else [EverythingOfAll(), AppliedToAll()]
    if kind != "list":
        functions.append(None)
    return WindowSpec(
        CountTumblingWindowAssigner(draw(st.integers(1, 5))),
        kind,
        (lambda value: value[0]) if keyed else None,
        draw(st.sampled_from(FUNCTIONS[kind])),
        draw(st.sampled_from(functions)),
        batch=draw(st.booleans()),
    )


@given(
    st.lists(st.lists(st.sampled_from("ab"), max_size=8), max_size=8),
    specs(),
    st.booleans(),
    st.booleans(),
    st.sets(st.integers(0, 8)),
)
def test_all_kinds(batches: list[list[str]], spec: WindowSpec, inline: bool, with_keys: bool, stops: set[int]) -> None:
    given_by = []
    for driven in (Driven(CountWindowOperator, spec, inline=inline), Driven(WindowOperator, spec)):
        for number, batch in enumerate(batches):
            if number in stops:
                driven.start_anew()
            values = [[key, [10 * number + index]] for index, key in enumerate(batch)]
            driven.add(values, [number] * len(values) if number % 2 else None, with_keys)
            driven.advance(number)
        given_by.append((driven.results, driven.beside, list(driven.operator.records_out())))
    assert given_by[0] == given_by[1]


def spec_of(kind: str = "list", function: Any = None, window_function: Any = None, key: Any = key_of) -> WindowSpec:
    return WindowSpec(CountTumblingWindowAssigner(2), kind, key, function, window_function)


FAILING = {
    "key": spec_of(key=bad_key_of, window_function=Failing("")),
    "create": spec_of("aggregate", Sums("create_accumulator")),
    "add": spec_of("aggregate", Sums("add")),
    "result": spec_of("aggregate", Sums("get_result")),
    "result for a function": spec_of("aggregate", Sums("get_result"), lambda key, window, inputs: inputs),
    "reduce": spec_of("reduce", reduced),
    "process": spec_of(window_function=Failing("process")),
    "later": spec_of(window_function=Failing("later")),
    "clear": spec_of(window_function=Failing("clear")),
    "apply": spec_of(window_function=applied),
}


def site_of(operator: Operator, values: list[Any], keys: list[Any] | None) -> FailureSite | None:
    operator.open()
    try:
        list(operator.process_batch(RecordBatch(values, None, keys)))
    except Fault as error:
        return operator.locate(error, None)
    return None


@pytest.mark.parametrize("values", [[("a", 1), BAD, ("a", 2)], [("b", 1), BAD, ("b", 2), ("a", 3)]])
@pytest.mark.parametrize("failing", FAILING)
def test_failures_are_located_as_in_the_general_operator(failing: str, values: list[Any]) -> None:
    spec = FAILING[failing]
    expected = site_of(WindowOperator(spec, context("counts")), values, None)
    assert expected is not None
    for keys in (None, [key for key, _ in values]):
        if keys is not None and failing == "key":
            continue
        for inline in (False, True):
            site = site_of(CountWindowOperator(spec, context("counts", inline=inline)), values, keys)
            assert site is not None
            assert (site.info, site.phase, site.record) == (expected.info, expected.phase, expected.record)


@pytest.mark.parametrize(
    ("spec", "values", "phase", "record"),
    [
        (spec_of("aggregate", Plain()), [("a", 1), ("a", "text")], "add", ("a", "text")),
        (spec_of("aggregate", Plain()), [("a", 1), ("b", 0), ("b", 0)], "get_result", ("b", 0)),
        (spec_of("aggregate", Plain()), [("a", 1), 5], "key_by", 5),
        (spec_of("reduce", lambda a, b: a + b, key=lambda v: 0), [1, "text"], "reduce", "text"),
    ],
)
def test_what_stands_in_the_loop_can_be_called_again(
    spec: WindowSpec, values: list[Any], phase: str, record: Any
) -> None:
    operator = CountWindowOperator(spec, context(inline=True))
    operator.open()
    with pytest.raises((TypeError, ZeroDivisionError)) as caught:
        list(operator.process_batch(RecordBatch(values)))
    site = operator.locate(caught.value, None)
    assert (site.phase, site.record) == (phase, record)
    assert site.replay is not None
    with pytest.raises(type(caught.value)):
        site.replay()


def test_it_applies_to_built_in_windows_with_their_default_trigger() -> None:
    spec = spec_of("aggregate", Sums())
    assert counts_apply(spec)
    assert isinstance(create_window_operator(spec, context()), CountWindowOperator)
    for other in (
        replace(spec, trigger=CountTrigger(2)),
        replace(spec, evictor=CountEvictor.of(1)),
        replace(spec, assigner=CountSlidingWindowAssigner(2, 2)),
    ):
        assert not counts_apply(other)


def test_results_get_their_output_type() -> None:
    for window_function in (None, lambda key, window, inputs: inputs):
        spec = replace(spec_of("aggregate", Plain(), window_function), output_type=Types.FLOAT())
        operator = CountWindowOperator(spec, context())
        assert run(operator, [("a", 1), ("a", 2)]) == [0.3333333432674408]  # of 32 bits


def test_built_in_aggregations() -> None:
    operator = create_window_operator(spec_of("reduce", AggregateSpec("max", 1, key_of)), context())
    assert isinstance(operator, CountWindowOperator)
    operator.open()
    assert run(operator, [("a", 1), ("a", 7), ("a", 4)]) == [("a", 7)]
    with pytest.raises(TypeError) as caught:
        run(operator, [("a", "text")])
    site = operator.locate(caught.value, None)
    assert (site.phase, site.record) == ("max", ("a", "text"))
