"""Rolling reduce and aggregations per key."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.graph.operator_spec import AggregateSpec, ReduceSpec
from millstream.common.records import RecordBatch
from millstream.common.typeinfo import Types
from millstream.common.types import Row
from millstream.datastream.functions import RichReduceFunction
from millstream.datastream.state import ValueStateDescriptor
from millstream.taskmanager.operators.operator import NO_RECORD
from millstream.taskmanager.operators.reduce import ReduceOperator
from millstream.taskmanager.operators.registry import create_operator
from tests.unit.taskmanager.operators.support import build, context, failure_of, run, run_stamped, snapshot_of

_pairs = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5)), max_size=40)


@given(_pairs, st.booleans(), st.booleans(), st.integers(1, 7))
def test_reduce_gives_each_running_result(
    records: list[tuple[str, int]], inline: bool, with_keys: bool, batch_size: int
) -> None:
    spec = ReduceSpec(lambda a, b: (a[0], a[1] + b[1]), lambda pair: pair[0])
    operator = ReduceOperator(spec, context(inline=inline))
    sums: dict[str, int] = {}
    expected = []
    for key, number in records:
        sums[key] = sums.get(key, 0) + number
        expected.append((key, sums[key]))
    got: list[Any] = []
    for start in range(0, len(records), batch_size):
        part = records[start : start + batch_size]
        keys = [pair[0] for pair in part] if with_keys else None
        for batch in operator.process_batch(RecordBatch(part, None, keys)):
            got.extend(batch.values)
    assert got == expected
    assert [count for _, count in operator.records_out()] == [len(records)]


def test_the_first_record_of_a_key_goes_out_as_it_is_and_timestamps_stay() -> None:
    first = ["x"]
    operator = ReduceOperator(ReduceSpec(lambda a, b: a + b, lambda value: value[0]), context())
    out = run_stamped(operator, [first, ["y"], ["x"]], [1, None, 3])
    assert out == [(["x"], 1), (["y"], None), (["x", "x"], 3)]
    assert out[0][0] is first


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("with_keys", [False, True])
def test_reduce_tells_the_reduce_function_from_the_key_selector(inline: bool, with_keys: bool) -> None:
    spec = ReduceSpec(lambda a, b: (a[0], a[1] + b[1]), lambda pair: pair[0])
    operator = ReduceOperator(spec, context("sum up", inline=inline))
    bad = ("a", "text")
    keys = ["a", "a"] if with_keys else None
    with pytest.raises(TypeError) as caught:
        list(operator.process_batch(RecordBatch([("a", 1), bad], None, keys)))
    site = operator.locate(caught.value, None)
    assert (site.phase, site.record, site.info.name) == ("reduce", bad, "sum up")
    if inline:
        assert site.replay is not None
        with pytest.raises(TypeError):
            site.replay()


@pytest.mark.parametrize("inline", [False, True])
def test_a_key_selector_that_fails_is_named(inline: bool) -> None:
    operator = ReduceOperator(ReduceSpec(lambda a, b: a, lambda pair: pair[1]), context(inline=inline))
    error = failure_of(operator, [("a", 1), ("b", 2), ("c",)])
    site = operator.locate(error, None)
    assert (site.phase, site.record) == ("key_by", ("c",))


def test_a_key_that_cannot_be_hashed_is_the_key_selectors_fault() -> None:
    operator = ReduceOperator(ReduceSpec(lambda a, b: a, lambda pair: [pair]), context())
    error = failure_of(operator, [1])
    assert isinstance(error, TypeError)
    assert (operator.locate(error, None).phase, operator.locate(error, None).record) == ("key_by", 1)


def test_a_key_error_in_the_reduce_function_is_a_failure() -> None:
    def reduces(a: Any, b: Any) -> Any:
        raise KeyError("mine")

    operator = ReduceOperator(ReduceSpec(reduces, lambda value: 0), context())
    error = failure_of(operator, [1, 2])
    assert isinstance(error, KeyError)
    assert operator.locate(error, None).phase == "reduce"


def test_stop_iteration_in_a_reduce_function_is_a_failure() -> None:
    def reduces(a: Any, b: Any) -> Any:
        raise StopIteration

    operator = ReduceOperator(ReduceSpec(reduces, lambda value: 0), context())
    assert isinstance(failure_of(operator, [1, 2, 3]), (StopIteration, RuntimeError))
    assert operator.locate(ValueError(), "open").record is NO_RECORD


class _Trade(NamedTuple):
    symbol: str
    price: int
    note: str


@dataclasses.dataclass(frozen=True)
class _Reading:
    symbol: str
    price: int
    note: str


class _Plain:
    def __init__(self, symbol: str, price: int, note: str) -> None:
        self.symbol, self.price, self.note = symbol, price, note

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Plain) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # never a key


_MAKERS: list[tuple[Any, Any]] = [
    (lambda *fields: fields, 1),
    (lambda *fields: fields, -2),
    (lambda *fields: fields, "f1"),
    (lambda *fields: list(fields), 1),
    (_Trade, 1),
    (_Trade, "price"),
    (_Reading, "price"),
    (_Reading, 1),
    (_Plain, "price"),
    (lambda s, p, n: {"symbol": s, "price": p, "note": n}, "price"),
    (lambda s, p, n: Row(symbol=s, price=p, note=n), "price"),
    (lambda s, p, n: Row(symbol=s, price=p, note=n), 1),
    (Row, 1),
]


@pytest.mark.parametrize(("make", "field"), _MAKERS)
def test_aggregations_over_all_kinds_of_records(make: Any, field: Any) -> None:
    def fresh() -> list[Any]:
        return [make("k", 5, "first"), make("k", 3, "second"), make("k", 9, "third"), make("k", 3, "fourth")]

    def aggregate(kind: str) -> list[Any]:
        records = fresh()
        out = run(create_operator(AggregateSpec(kind, field, lambda _: 0), context()), records)
        assert records == fresh(), "the job's records were changed"
        return out

    assert aggregate("sum") == [make("k", total, "first") for total in (5, 8, 17, 20)]
    assert aggregate("min") == [make("k", value, "first") for value in (5, 3, 3, 3)]
    assert aggregate("max") == [make("k", value, "first") for value in (5, 5, 9, 9)]
    first, second, third, _ = fresh()
    assert aggregate("min_by") == [first, second, second, second]
    assert aggregate("max_by") == [first, first, third, third]


def test_aggregating_plain_numbers() -> None:
    operator = create_operator(AggregateSpec("sum", 0, lambda value: value % 2), context())
    assert run(operator, [1, 2, 3, 4]) == [1, 2, 4, 6]


@pytest.mark.parametrize(
    ("record", "field"), [((1, 2), 5), ((1, 2), "price"), ({"a": 1}, "b"), (3, 1), (object(), "x")]
)
def test_a_field_that_is_not_there_is_a_clear_error(record: Any, field: Any) -> None:
    operator = create_operator(AggregateSpec("sum", field, lambda _: 0), context("total"))
    error = failure_of(operator, [record, record])
    assert isinstance(error, TypeError)
    assert f"sum({field!r})" in str(error)
    assert operator.locate(error, None).phase == "sum"


@given(_pairs, st.booleans(), st.booleans(), st.integers(1, 7))
def test_final_results_only(records: list[tuple[str, int]], inline: bool, with_keys: bool, batch_size: int) -> None:
    reduces = ReduceSpec(lambda a, b: (a[0], a[1] + b[1]), lambda pair: pair[0], emit_final_only=True)
    sums = AggregateSpec("sum", 1, lambda pair: pair[0], emit_final_only=True)
    expected: dict[str, int] = {}
    for key, number in records:
        expected[key] = expected.get(key, 0) + number
    for spec in (reduces, sums):
        operator = create_operator(spec, context(inline=inline))
        for start in range(0, len(records), batch_size):
            part = records[start : start + batch_size]
            keys = [pair[0] for pair in part] if with_keys else None
            assert list(operator.process_batch(RecordBatch(part, None, keys))) == []
        got = [value for batch in operator.finish() if isinstance(batch, RecordBatch) for value in batch.values]
        assert len(got) == len(expected)
        assert dict(got) == expected
        assert [count for _, count in operator.records_out()] == [len(expected)]


def test_a_rolling_reduce_holds_nothing_back() -> None:
    operator = ReduceOperator(ReduceSpec(lambda a, b: a + b, lambda value: 0), context())
    assert run(operator, [1, 2]) == [1, 3]
    assert list(operator.finish()) == []


def _add_in_place(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    a["n"] += b["n"]
    return a


def _add_to_the_new_one(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
    b["n"] += a["n"]
    return b


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("with_keys", [False, True])
@pytest.mark.parametrize("combine", [_add_in_place, _add_to_the_new_one])
def test_a_function_that_changes_records_does_not_change_what_was_emitted(
    combine: Any, with_keys: bool, inline: bool
) -> None:
    operator = ReduceOperator(ReduceSpec(combine, lambda value: 0), context(inline=inline))
    batch = RecordBatch([{"n": 1}, {"n": 2}, {"n": 3}], None, [0, 0, 0] if with_keys else None)
    (out,) = operator.process_batch(batch)
    assert out.values == [{"n": 1}, {"n": 3}, {"n": 6}]
    assert run(operator, [{"n": 4}]) == [{"n": 10}]


class _Rich(RichReduceFunction):
    """Adds, and how often it has been called for the key beside that."""

    def open(self, runtime_context: Any) -> None:
        self.calls = runtime_context.get_state(ValueStateDescriptor("calls", Types.INT()))

    def reduce(self, value1: Any, value2: Any) -> Any:
        calls = (self.calls.value() or 0) + 1
        self.calls.update(calls)
        return value1[0], value1[1] + value2[1], calls


def test_a_rich_function_may_use_the_state_of_the_key() -> None:
    records = [("a", 1), ("b", 2), ("a", 3), ("a", 4), ("b", 5)]
    expected = [("a", 1), ("b", 2), ("a", 4, 1), ("a", 8, 2), ("b", 7, 1)]
    spec = ReduceSpec(_Rich(), lambda value: value[0])
    operator = build(ReduceOperator, spec, context())
    operator.open()
    assert run(operator, records) == expected
    with_keys = ReduceOperator(spec, context())
    with_keys.open()
    batch = RecordBatch(records, None, ["a", "b", "a", "a", "b"])
    assert [each.values for each in with_keys.process_batch(batch)] == [expected]
    operator.open()
    again = build(ReduceOperator, ReduceSpec(_Rich(), lambda value: value[0]), context(), snapshot_of(operator))
    run(operator, records)
    again.open()
    assert run(again, [("a", 1), ("c", 1)]) == [("a", 9, 3), ("c", 1)]
