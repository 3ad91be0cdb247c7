"""What a source or a rolling operation gives is of its declared type."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.common import Types
from millstream.common.graph.operator_spec import AggregateSpec, ReduceSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.conversion_operator import ConversionOperator
from millstream.taskmanager.operators.registry import create_operator
from tests.unit.taskmanager.operators.support import context, failure_of, run

PAIR = Types.TUPLE([Types.STRING(), Types.BYTE()])


def test_records_of_a_source() -> None:
    operator = ConversionOperator(PAIR, context("source"))
    (batch,) = operator.process_batch(RecordBatch([["a", 1], ("b", True)], [5, 6]))
    assert isinstance(batch, RecordBatch)
    assert [type(value) for value in batch.values] == [tuple, tuple]
    assert repr(batch.values) == "[('a', 1), ('b', 1)]"
    assert batch.timestamps == [5, 6]
    assert list(operator.records_out()) == []


def test_a_record_of_a_source_that_is_not_of_the_type() -> None:
    operator = ConversionOperator(PAIR, context("source"))
    error = failure_of(operator, [("a", 1), ("b", "c")])
    assert str(error) == "'c' of type str is no Byte"
    site = operator.locate(error, None)
    assert (site.info.name, site.phase, site.record) == ("source", "emit", ("b", "c"))


def _key(record: Any) -> Any:
    return record[0]


@pytest.mark.parametrize("inline", [False, True])
def test_results_of_reduce_and_sum(inline: bool) -> None:
    kept = Types.TUPLE([Types.STRING(), Types.DOUBLE()])
    for spec in (
        ReduceSpec(lambda a, b: [a[0], a[1] + b[1]], _key, False, kept),
        AggregateSpec("sum", 1, _key, False, kept),
    ):
        operator = create_operator(spec, context(inline=inline))
        assert repr(run(operator, [("a", 1.0), ("a", 2), ("b", 3)])) == "[('a', 1.0), ('a', 3.0), ('b', 3.0)]"


@pytest.mark.parametrize("kind", ["reduce", "sum"])
def test_a_result_that_is_too_large_names_its_record(kind: str) -> None:
    spec: Any = AggregateSpec("sum", 1, _key, False, PAIR)
    if kind == "reduce":
        spec = ReduceSpec(lambda a, b: (a[0], a[1] + b[1]), _key, False, PAIR)
    operator = create_operator(spec, context("total"))
    error = failure_of(operator, [("a", 100), ("b", 1), ("a", 27), ("a", 1), ("b", 1)])
    assert "128 of type int is no Byte: it needs more than 8 bits" in str(error)
    site = operator.locate(error, None)
    assert (site.info.name, site.phase, site.record) == ("total", kind, ("a", 1))


def test_final_results_in_batch_mode() -> None:
    kept = Types.TUPLE([Types.STRING(), Types.DOUBLE()])
    operator = create_operator(AggregateSpec("sum", 1, _key, True, kept), context())
    assert run(operator, [("a", 1), ("a", 2)]) == []
    (batch,) = operator.finish()
    assert isinstance(batch, RecordBatch)
    assert repr(batch.values) == "[('a', 3.0)]"
