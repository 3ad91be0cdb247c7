"""Fused stateless operators give what each of them alone would give, and say which of them failed on what."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.graph.operator_spec import FilterSpec, FlatMapSpec, MapSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.batch_sizer import MAX_BATCH_RECORDS
from millstream.taskmanager.operators.fused import FusedOperator, StatelessSpec
from tests.unit.taskmanager.operators.support import context, failure_of, run, run_stamped


def _generate(x: int) -> Iterator[int]:
    yield x
    if x % 2:
        yield -x


def _list_or_none(x: int) -> list[int] | None:
    return None if x % 3 == 0 else [x] * (x % 3)


_MAPS: list[Callable[[Any], Any]] = [lambda x: x * 2 + 1, lambda x: -x, lambda x: int(str(x)), abs]
_FILTERS: list[Callable[[Any], Any]] = [lambda x: x % 3 == 0, lambda x: x > 1, lambda x: x, bool]
_FLAT_MAPS: list[Callable[[Any], Any]] = [
    _list_or_none,
    lambda x: (x, x + 1),
    lambda x: (each for each in range(x % 4)),
]

_specs = st.one_of(
    st.sampled_from(_MAPS).map(MapSpec),
    st.sampled_from(_FILTERS).map(FilterSpec),
    st.sampled_from(_FLAT_MAPS).map(FlatMapSpec),
)
_chains = st.tuples(st.lists(_specs, min_size=1, max_size=6), st.booleans()).map(
    lambda drawn: [*drawn[0], FlatMapSpec(_generate)] if drawn[1] else drawn[0]
)


def _one_by_one(specs: list[Any], values: list[int]) -> tuple[list[tuple[int, int]], list[int]]:
    """The records with the index of the input record they stem from, and each operator's count."""
    records = [(value, index) for index, value in enumerate(values)]
    counts = []
    for spec in specs:
        if isinstance(spec, MapSpec):
            records = [(spec.function(value), index) for value, index in records]
        elif isinstance(spec, FilterSpec):
            records = [(value, index) for value, index in records if spec.function(value)]
        else:
            records = [(each, index) for value, index in records for each in spec.function(value) or ()]
        counts.append(len(records))
    return records, counts


@given(_chains, st.lists(st.integers(-50, 50), max_size=30), st.booleans())
def test_fused_operators_give_what_they_give_alone(specs: list[Any], values: list[int], inline: bool) -> None:
    expected, counts = _one_by_one(specs, values)
    operator = FusedOperator([(spec, context(str(i), inline=inline)) for i, spec in enumerate(specs)])
    assert run(operator, list(values)) == [value for value, _ in expected]
    if values:
        assert [count for _, count in operator.records_out()] == counts
    stamped = FusedOperator([(spec, context(str(i), inline=inline)) for i, spec in enumerate(specs)])
    timestamps: list[int | None] = list(range(len(values)))
    assert run_stamped(stamped, list(values), timestamps) == expected


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("stamped", [False, True])
def test_the_failing_operator_and_its_record_are_found(inline: bool, stamped: bool) -> None:
    chain: list[StatelessSpec] = [
        MapSpec(lambda x: x + 1),
        FilterSpec(lambda x: x != 3),
        MapSpec(lambda x: 10 / (x - 5)),
        MapSpec(str),
    ]
    operator = FusedOperator([(spec, context(f"op{i}", inline=inline)) for i, spec in enumerate(chain)])
    error = failure_of(operator, [1, 2, 3, 4, 5], [None] * 5 if stamped else None)
    assert isinstance(error, ZeroDivisionError)
    site = operator.locate(error, None)
    assert (site.info.name, site.phase, site.record) == ("op2", "map", 5)
    if inline:
        assert site.replay is not None
        with pytest.raises(ZeroDivisionError):
            site.replay()


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("inline", [False, True])
def test_each_place_of_a_chain_can_fail(place: int, inline: bool) -> None:
    def fails(x: int) -> Any:
        if x == 7:
            raise LookupError("seven")
        return [x]

    def fails_flat(x: int) -> Any:
        return fails(x)

    good: list[Any] = [
        MapSpec(lambda x: x),
        FilterSpec(lambda x: x > 0),
        FlatMapSpec(lambda x: [x]),
        MapSpec(lambda x: x),
    ]
    bad: list[Any] = [MapSpec(lambda x: fails(x)[0]), FilterSpec(fails), FlatMapSpec(fails_flat), MapSpec(fails)]
    specs = [*good[:place], bad[place], *good[place + 1 :]]
    operator = FusedOperator([(spec, context(f"op{i}", inline=inline)) for i, spec in enumerate(specs)])
    error = failure_of(operator, [5, 6, 7, 8])
    site = operator.locate(error, None)
    assert isinstance(error, LookupError)
    assert (site.info.name, site.record) == (f"op{place}", 7)


def test_a_generator_flat_map_is_consumed_piece_by_piece() -> None:
    made = 0

    def endless(x: int) -> Iterator[int]:
        nonlocal made
        for number in itertools.count():
            made += 1
            yield number

    operator = FusedOperator([(FlatMapSpec(endless), context())])
    pieces = iter(operator.process_batch(RecordBatch([1])))
    total = 0
    for _ in range(20):
        total += len(next(pieces).values)
        assert made <= total + MAX_BATCH_RECORDS
    assert made == total


def test_a_generator_that_fails_names_its_record() -> None:
    def fails_late(x: int) -> Iterator[int]:
        yield x
        if x == 3:
            raise ValueError("three")

    operator = FusedOperator([(FlatMapSpec(fails_late), context("explode"))])
    error = failure_of(operator, [1, 2, 3, 4])
    site = operator.locate(error, None)
    assert (site.info.name, site.phase, site.record) == ("explode", "flat_map", 3)


@pytest.mark.parametrize("spec", [MapSpec, FilterSpec, FlatMapSpec])
def test_stop_iteration_is_a_failure_and_not_an_end(spec: type) -> None:
    def stops(x: int) -> Any:
        if x == 2:
            raise StopIteration
        return [x]

    operator = FusedOperator([(spec(stops), context("stops"))])
    error = failure_of(operator, [1, 2, 3])
    assert isinstance(error, (StopIteration, RuntimeError))
    assert operator.locate(error, None).record == 2


def test_stop_iteration_in_a_generator_is_a_failure() -> None:
    def stops(x: int) -> Iterator[int]:
        yield x
        raise StopIteration

    assert isinstance(failure_of(FusedOperator([(FlatMapSpec(stops), context())]), [1]), RuntimeError)


class _Recorder:
    """A rich map that says when it is opened and closed."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log

    def open(self, runtime_context: Any) -> None:
        self.log.append(f"open {self.name} {runtime_context.get_index_of_this_subtask()}")

    def map(self, value: Any) -> Any:
        return value

    def close(self) -> None:
        self.log.append(f"close {self.name}")


def test_functions_are_opened_last_to_first_and_closed_first_to_last() -> None:
    log: list[str] = []
    operator = FusedOperator([(MapSpec(_Recorder(name, log)), context(name, subtask_index=3)) for name in "abc"])
    operator.open()
    operator.close()
    operator.close()
    assert log == ["open c 3", "open b 3", "open a 3", "close a", "close b", "close c"]


def test_an_open_that_fails_names_its_operator_and_only_what_was_opened_is_closed() -> None:
    log: list[str] = []

    class Bad(_Recorder):
        def open(self, runtime_context: Any) -> None:
            raise OSError("no")

    functions = [_Recorder("a", log), Bad("b", log), _Recorder("c", log)]
    operator = FusedOperator([(MapSpec(each), context(each.name)) for each in functions])
    with pytest.raises(OSError, match="no") as caught:
        operator.open()
    assert operator.locate(caught.value, "open").info.name == "b"
    operator.close()
    assert log == ["open c 0", "close b", "close c"]
