"""Co-map and co-flat-map: results, keys, state, failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from millstream.common import Types
from millstream.common.graph.operator_spec import CoFlatMapSpec, CoMapSpec
from millstream.common.records import RecordBatch
from millstream.datastream import (
    CoFlatMapFunction,
    CoMapFunction,
    OutputTag,
    RuntimeContext,
)
from millstream.datastream.state import ValueStateDescriptor
from millstream.taskmanager.operators.operator import OperatorContext, OperatorInfo
from millstream.taskmanager.operators.two_input.co_map import CoMapOperator
from millstream.testing import OperatorHarness


class PlusMinus(CoMapFunction):
    def map1(self, value: int) -> int:
        return value + 1

    def map2(self, value: int) -> int | None:
        return value - 1 if value else None


class Twice(CoFlatMapFunction):
    def flat_map1(self, value: Any) -> Iterator[Any]:
        yield value
        yield value

    def flat_map2(self, value: Any) -> Any:
        return None


class Collecting(CoFlatMapFunction):
    def flat_map1(self, value: Any, out: Any) -> None:  # type: ignore[override]  # a collector more
        out.collect(value)
        out.collect((OutputTag("side"), value))

    def flat_map2(self, value: Any) -> Any:
        return [value, value]


class Last(CoFlatMapFunction):
    """Emits the other stream's last value of the key."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.state = runtime_context.get_state(ValueStateDescriptor("last", Types.PICKLED_BYTE_ARRAY()))

    def flat_map1(self, value: Any) -> Iterator[Any]:
        yield self.state.value()

    def flat_map2(self, value: Any) -> Iterator[Any]:
        self.state.update(value)
        yield from ()


def harness(function: Any, *, keyed: bool = False) -> OperatorHarness:
    method = "map" if isinstance(function, CoMapFunction) else "flat_map"

    def fragment(a: Any, b: Any) -> Any:
        streams = a.connect(b)
        return getattr(streams.key_by(0, 0) if keyed else streams, method)(function)

    return OperatorHarness(fragment)


def test_each_stream_has_its_method_and_none_is_no_result() -> None:
    with harness(PlusMinus()) as h:
        h.process_element1(1, 10)
        h.process_element2(1, 20)
        h.process_element2(0, 30)
        assert h.get_output_with_timestamps() == [(2, 10), (0, 20)]


def test_records_without_timestamps() -> None:
    with harness(PlusMinus()) as h:
        h.process_element1(1)
        assert h.get_output_with_timestamps() == [(2, None)]


def test_flat_map_yields_returns_collects_or_gives_nothing() -> None:
    with harness(Twice()) as h:
        h.process_element1(1, 10)
        h.process_element2(2, 20)
        assert h.get_output_with_timestamps() == [(1, 10), (1, 10)]
    with harness(Collecting()) as h:
        h.process_element1(1, 10)
        h.process_element2(2, 20)
        assert h.get_output_with_timestamps() == [(1, 10), (2, 20), (2, 20)]
        assert h.get_side_output_with_timestamps(OutputTag("side")) == [(1, 10)]


def test_both_streams_share_the_keys_state() -> None:
    with harness(Last(), keyed=True) as h:
        h.process_element2(("a", 1))
        h.process_element2(("b", 2))
        h.process_element1(("a", 0))
        h.process_element1(("c", 0))
        assert h.take_output() == [("a", 1), None]
        again = h.restore(h.snapshot())
    with again as h:
        h.process_element1(("b", 0))
        assert h.get_output() == [("b", 2)]


def test_keys_that_are_there_already_are_not_asked_for() -> None:
    spec = CoFlatMapSpec(Last(), lambda value: pytest.fail("asked"), lambda value: pytest.fail("asked"))
    operator = CoMapOperator(spec, OperatorContext(OperatorInfo("op")))
    operator.open()
    list(operator.process_second_batch(RecordBatch([1, 2], None, ["a", "b"])))
    (out,) = operator.process_batch(RecordBatch([0, 0, 0], None, ["b", "c", "a"]))
    assert out.values == [2, None, 1]  # type: ignore[union-attr]  # a batch


def test_large_batches_come_out_in_bounded_pieces_in_order() -> None:
    operator = CoMapOperator(CoFlatMapSpec(Twice()), OperatorContext(OperatorInfo("op")))
    operator.open()
    outputs = list(operator.process_batch(RecordBatch(list(range(5000)), list(range(5000)))))
    assert [value for out in outputs for value in out.values] == [n for n in range(5000) for _ in "ab"]  # type: ignore[union-attr]  # batches
    assert [stamp for out in outputs for stamp in out.timestamps] == [n for n in range(5000) for _ in "ab"]  # type: ignore[union-attr]  # batches
    assert max(map(len, outputs)) <= 1100  # type: ignore[arg-type]  # batches
    assert list(operator.records_out()) == [(operator.infos[0], 10000)]


class Failing(CoMapFunction):
    def map1(self, value: Any) -> Any:
        return 1 // value

    def map2(self, value: Any) -> Any:
        return 1 // value


class FailingFlat(CoFlatMapFunction):
    def flat_map1(self, value: Any) -> Iterator[Any]:
        yield 1
        yield 1 // value

    def flat_map2(self, value: Any) -> Any:
        return value


@pytest.mark.parametrize(
    ("spec", "second", "phase", "record"),
    [
        (CoMapSpec(Failing()), False, "map1", 0),
        (CoMapSpec(Failing()), True, "map2", 0),
        (CoFlatMapSpec(FailingFlat()), False, "flat_map1", 0),
        (CoFlatMapSpec(FailingFlat()), True, "flat_map2", 2),
        (CoMapSpec(PlusMinus(), lambda v: 1 // v, lambda v: v), False, "key_by", 0),
    ],
)
def test_a_failure_names_method_and_record(spec: Any, second: bool, phase: str, record: Any) -> None:
    operator = CoMapOperator(spec, OperatorContext(OperatorInfo("joining")))
    operator.open()
    batch = RecordBatch([2, 1, 0, 3], None)
    with pytest.raises((ZeroDivisionError, TypeError)) as caught:
        list(operator.process_second_batch(batch) if second else operator.process_batch(batch))
    site = operator.locate(caught.value, None)
    assert (site.info.name, site.phase, site.record) == ("joining", phase, record)


class Pair(CoMapFunction):
    def map1(self, value: Any) -> Any:
        return value, "first"

    def map2(self, value: Any) -> Any:
        return value, "second"


def test_results_are_converted_to_the_declared_type() -> None:
    def fragment(a: Any, b: Any) -> Any:
        return a.connect(b).map(Pair(), Types.ROW_NAMED(["n", "side"], [Types.INT(), Types.STRING()]))

    with OperatorHarness(fragment) as h:
        h.process_element1(127)
        assert h.get_output()[0].as_dict() == {"n": 127, "side": "first"}
