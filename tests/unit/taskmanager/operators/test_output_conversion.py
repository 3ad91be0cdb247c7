"""What a function with an output type gives is converted, however its operator runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Row, Types
from millstream.common.graph.operator_spec import FilterSpec, FlatMapSpec, MapSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.registry import create_fused_operator, create_operator
from tests.unit.taskmanager.operators.support import context, failure_of, run, run_stamped

ROW = Types.ROW_NAMED(["a", "b"], [Types.DOUBLE(), Types.STRING()])


def lazily(value: int) -> Iterator[Any]:
    yield (value, "x")
    yield (value + 1, "y")


def lazily_one(value: Any) -> Iterator[Any]:
    yield value


def _fields(rows: list[Any]) -> list[tuple[Any, ...]]:
    assert all(type(row) is Row and type(row.a) is float for row in rows)
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("key_selector", [None, lambda value: value])
def test_map_and_flat_map(inline: bool, key_selector: Any) -> None:
    mapped = create_operator(MapSpec(lambda v: (v, "x"), key_selector, ROW), context(inline=inline))
    assert _fields(run(mapped, [1, 0.5])) == [(1.0, "x"), (0.5, "x")]
    for function in (lazily, lambda value: [(value, "x"), (value + 1, "y")]):
        flat = create_operator(FlatMapSpec(function, key_selector, ROW), context(inline=inline))
        assert _fields(run(flat, [127])) == [(127.0, "x"), (128.0, "y")]
    nothing = create_operator(FlatMapSpec(lambda value: None, key_selector, ROW), context(inline=inline))
    assert run(nothing, [1]) == []


@pytest.mark.parametrize("inline", [False, True])
def test_inside_a_chain(inline: bool) -> None:
    parts = [(MapSpec(lambda v: (v, "x"), None, ROW), context("rows", inline=inline))]
    parts.append((MapSpec(lambda row: row.a), context("fields", inline=inline)))
    assert list(map(repr, run(create_fused_operator(parts), [128]))) == ["128.0"]


@pytest.mark.parametrize("inline", [False, True])
def test_a_result_of_another_shape_names_operator_and_record(inline: bool) -> None:
    operator = create_operator(MapSpec(lambda v: (v,), None, ROW), context("rows", inline=inline))
    error = failure_of(operator, [1])
    site = operator.locate(error, None)
    assert "(1,) of type tuple is no RowTypeInfo(a: Double, b: String): it has 1 fields, the type 2" in str(error)
    assert (site.info.name, site.phase, site.record) == ("rows", "map", 1)


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("function", [lambda value: [value], lazily_one])
def test_a_result_of_a_flat_map_that_is_not_of_the_type(function: Any, inline: bool) -> None:
    operator = create_operator(FlatMapSpec(function, None, Types.INT()), context("numbers", inline=inline))
    error = failure_of(operator, [1, "abc"])
    site = operator.locate(error, None)
    assert str(error) == "'abc' of type str is no Integer"
    assert (site.info.name, site.phase, site.record) == ("numbers", "flat_map", "abc")


SHORTS = Types.TUPLE([Types.SHORT(), Types.STRING()])


def pair(value: int) -> tuple[int, Any]:
    return (value, "x" if value % 50 else value)


def pairs(value: int) -> list[Any] | None:
    return [pair(value)] * (value % 4) if value % 3 else None


def pairs_lazily(value: int) -> Iterator[Any]:
    yield from pairs(value) or ()


FUNCTIONS: list[tuple[type, Callable[[int], Any]]] = [
    (MapSpec, pair),
    (MapSpec, lambda v: (v, "x")),
    (MapSpec, lambda v: (v, v * 0.5)),
    (FlatMapSpec, pairs),
    (FlatMapSpec, pairs_lazily),
    (FlatMapSpec, lambda v: [(v, v)]),
]


def _one_by_one(kind: type, function: Callable[[int], Any], values: list[int]) -> Iterator[tuple[Any, int]]:
    convert = SHORTS.conversion()
    for value in values:
        if value > -50:
            results = function(value + 1)
            for result in (results,) if kind is MapSpec else results or ():
                yield convert(result), value


@given(
    st.sampled_from(FUNCTIONS),
    st.lists(st.integers(-100, 100) | st.sampled_from([2**15 - 2, 2**15 - 1]), max_size=20),
    st.booleans(),
)
def test_results_and_failures_are_those_of_single_conversions(
    spec: tuple[type, Callable[[int], Any]], values: list[int], inline: bool
) -> None:
    kind, function = spec
    chain: list[Any] = [FilterSpec(lambda v: v > -50), MapSpec(lambda v: v + 1), kind(function, None, SHORTS)]
    contexts = [context(name, inline=inline) for name in ("filter", "add", "typed")]
    expected: list[Any] = []
    failed: ValueError | None = None
    bad = 0
    try:
        expected.extend(_one_by_one(kind, function, values))
    except ValueError as error:
        failed = error
        frame: Any = failed.__traceback__
        while frame.tb_frame.f_code is not _one_by_one.__code__:
            frame = frame.tb_next
        bad = frame.tb_frame.f_locals["value"] + 1
    stamps: Any
    for stamps in (None, list(range(len(values)))):
        operator = create_fused_operator(list(zip(chain, contexts, strict=True)))
        if failed is not None:
            refused = failure_of(operator, values, stamps)
            assert str(refused) == str(failed)
            site = operator.locate(refused, None)
            assert (site.info.name, site.phase, site.record) == ("typed", "map" if kind is MapSpec else "flat_map", bad)
        elif stamps is None:
            assert run(operator, values) == [result for result, _ in expected]
        else:
            stamped = run_stamped(operator, values, stamps)
            assert [(result, values[stamp]) for result, stamp in stamped if stamp is not None] == expected


@pytest.mark.parametrize("stamped", [False, True])
def test_lazy_results_in_many_pieces(stamped: bool) -> None:
    def some(value: int) -> Iterator[Any]:
        for number in range(value):
            yield (number, "x") if number < 40_000 else (number, None, None)

    counts = [3, 0, 9000, 1, 0, 20_000, 5]
    operator = create_fused_operator([(FlatMapSpec(some, None, ROW), context("rows"))])
    stamps: list[int | None] | None = list(range(len(counts))) if stamped else None
    expected = [(number, "x") for count in counts for number in range(count)]
    outputs: list[Any] = list(operator.process_batch(RecordBatch(list(counts), stamps)))
    assert len(outputs) > 10
    assert _fields([row for batch in outputs for row in batch.values]) == expected
    if stamped:
        spread = [stamp for stamp, count in enumerate(counts) for _ in range(count)]
        assert [stamp for batch in outputs for stamp in batch.timestamps] == spread
    assert list(operator.records_out()) == [(operator.infos[0], sum(counts))]
    failed = failure_of(operator, [5, 40_001, 7], [1, 2, 3] if stamped else None)
    assert operator.locate(failed, None).record == 40_001


def test_results_without_end_come_piece_by_piece() -> None:
    def endless(value: int) -> Iterator[Any]:
        while True:
            yield (value, "x")

    operator = create_fused_operator([(FlatMapSpec(endless, None, ROW), context("rows"))])
    assert len(list(islice(operator.process_batch(RecordBatch([1, 2])), 20))) == 20
