"""Keyed map, filter and flat_map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from millstream.common.graph.operator_spec import FilterSpec, FlatMapSpec, MapSpec
from millstream.common.records import RecordBatch
from millstream.common.typeinfo import Types
from millstream.datastream.functions import MapFunction, RichMapFunction
from millstream.datastream.state import ValueStateDescriptor
from millstream.taskmanager.operators.fused import FusedOperator
from millstream.taskmanager.operators.keyed import KeyedOperator
from millstream.taskmanager.operators.registry import create_operator
from tests.unit.taskmanager.operators.support import build, context, failure_of, run, run_stamped, snapshot_of


def _key(pair: tuple[str, int]) -> str:
    return pair[0]


def test_the_three_kinds() -> None:
    records = [("a", 1), ("b", 2), ("a", 3)]
    assert run(create_operator(MapSpec(lambda pair: pair[1], _key), context()), records) == [1, 2, 3]
    assert run(create_operator(FilterSpec(lambda pair: pair[1] != 2, _key), context()), records) == [("a", 1), ("a", 3)]
    spec = FlatMapSpec(lambda pair: [pair] * pair[1] if pair[1] > 1 else None, _key)
    assert run(create_operator(spec, context()), records) == [("b", 2)] * 2 + [("a", 3)] * 3
    stamped = run_stamped(
        create_operator(FlatMapSpec(lambda pair: [pair[1], 0], _key), context()), records, [7, None, 9]
    )
    assert stamped == [(1, 7), (0, 7), (2, None), (0, None), (3, 9), (0, 9)]


class _Counts:
    """Gives each value with how many there were of its key before."""

    def open(self, runtime_context: Any) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.INT()))

    def map(self, value: Any) -> Any:
        seen = self.count.value() or 0
        self.count.update(seen + 1)
        return value, seen

    def filter(self, value: Any) -> bool:
        return bool(self.map(value)[1] == 0)

    def flat_map(self, value: Any) -> Iterator[Any]:
        for _ in range(2):
            yield self.map(value)


def test_functions_may_use_the_state_of_the_key() -> None:
    operator = build(create_operator, MapSpec(_Counts(), _key), context())
    operator.open()
    assert run(operator, [("a", 1), ("b", 2), ("a", 3)]) == [(("a", 1), 0), (("b", 2), 0), (("a", 3), 1)]
    batch = RecordBatch([("a", 1)], None, ["b"])
    assert [each.values for each in operator.process_batch(batch) if isinstance(each, RecordBatch)] == [[(("a", 1), 1)]]
    assert [count for _, count in operator.records_out()] == [4]
    snapshot = snapshot_of(operator)
    run(operator, [("a", 1)])
    again = build(create_operator, MapSpec(_Counts(), _key), context(), snapshot)
    again.open()
    assert run(again, [("a", 1), ("b", 2)]) == [(("a", 1), 2), (("b", 2), 2)]

    operator = create_operator(FilterSpec(_Counts(), _key), context())
    operator.open()
    assert run(operator, [("a", 1), ("b", 2), ("a", 3)]) == [("a", 1), ("b", 2)]
    operator = create_operator(FlatMapSpec(_Counts(), _key), context())
    operator.open()
    assert [seen for _, seen in run(operator, [("a", 1), ("b", 2), ("a", 3)])] == [0, 1, 0, 1, 2, 3]


def test_functions_that_cannot_use_state_are_fused() -> None:
    class Plain(MapFunction):
        def map(self, value: Any) -> Any:
            return value

    class Rich(RichMapFunction):
        def map(self, value: Any) -> Any:
            return value

    assert isinstance(create_operator(MapSpec(str, _key), context()), FusedOperator)
    assert isinstance(create_operator(MapSpec(Plain(), _key), context()), FusedOperator)
    assert isinstance(create_operator(MapSpec(Rich(), _key), context()), KeyedOperator)


@pytest.mark.parametrize("stage", ["key_by", "map"])
def test_what_fails_is_named(stage: str) -> None:
    def fails(pair: Any) -> Any:
        if pair[1] == 2:
            raise StopIteration
        return pair

    spec = MapSpec(fails, _key) if stage == "map" else MapSpec(str, fails)
    operator = KeyedOperator(spec, context("keyed"))
    error = failure_of(operator, [("a", 1), ("b", 2), ("c", 3)])
    site = operator.locate(error, None)
    assert (site.info.name, site.phase, site.record) == ("keyed", stage, ("b", 2))


def test_a_generator_flat_map_may_be_long() -> None:
    def many(pair: tuple[str, int]) -> Iterator[int]:
        yield from range(pair[1])

    operator = create_operator(FlatMapSpec(many, _key), context())
    assert run(operator, [("a", 10_000), ("b", 3)]) == [*range(10_000), 0, 1, 2]
