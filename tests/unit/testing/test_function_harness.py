"""A harness for a function object finds the operator that its class is for."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.common import Types
from millstream.datastream.functions import (
    BroadcastProcessFunction,
    FilterFunction,
    FlatMapFunction,
    KeyedProcessFunction,
    MapFunction,
    ReduceFunction,
    SinkFunction,
)
from millstream.testing import harness_for


class Doubling(MapFunction):
    def map(self, value: Any) -> Any:
        return 2 * value


class Odd(FilterFunction):
    def filter(self, value: Any) -> bool:
        return bool(value % 2)


class Twice(FlatMapFunction):
    def flat_map(self, value: Any) -> Any:
        yield value
        yield value


class Adding(ReduceFunction):
    def reduce(self, value1: Any, value2: Any) -> Any:
        return value1[0], value1[1] + value2[1]


class Keeping(SinkFunction):
    def __init__(self) -> None:
        self.kept: list[Any] = []

    def invoke(self, value: Any, context: Any) -> None:
        self.kept.append(value)


@pytest.mark.parametrize(("function", "output"), [(Doubling(), [2, 4]), (Odd(), [1]), (Twice(), [1, 1, 2, 2])])
@pytest.mark.parametrize("key_selector", [None, lambda v: v])
def test_simple_functions(function: Any, output: list[int], key_selector: Any) -> None:
    with harness_for(function, key_selector) as harness:
        harness.process_batch([1, 2])
        assert harness.get_output() == output


def test_reduce() -> None:
    with harness_for(Adding(), key_selector=0) as harness:
        harness.process_batch([("a", 1), ("a", 2)])
        assert harness.get_output() == [("a", 1), ("a", 3)]


def test_a_sink() -> None:
    sink = Keeping()
    with harness_for(sink) as harness:
        harness.process_batch([1, 2])
    assert sink.kept == [1, 2]


def test_the_output_type_and_settings() -> None:
    with harness_for(Doubling(), output_type=Types.ROW([Types.SHORT(), Types.DOUBLE()]), processing_time=5) as harness:
        assert harness.get_processing_time() == 5
        harness.process_element((2.5,))
        assert list(harness.get_output()[0]) == [2, 2.5]


class NeverCalled(KeyedProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> Any:
        raise AssertionError


class Broadcasting(BroadcastProcessFunction[Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> Any:
        raise AssertionError

    def process_broadcast_element(self, value: Any, ctx: Any) -> Any:
        raise AssertionError


def test_what_is_missing_is_named() -> None:
    with pytest.raises(TypeError, match="NeverCalled is for keyed streams: give harness_for a key_selector"):
        harness_for(NeverCalled())
    with pytest.raises(TypeError, match="Broadcasting needs broadcast state"):
        harness_for(Broadcasting())
    with pytest.raises(TypeError, match="give OperatorHarness a fragment"):
        harness_for(lambda v: v)
