"""What a function with an output type gives is converted, however its operator runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from millstream.common import Row, Types
from millstream.common.graph.operator_spec import FlatMapSpec, MapSpec
from millstream.taskmanager.operators.registry import create_fused_operator, create_operator
from tests.unit.taskmanager.operators.support import context, failure_of, run

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
