"""A window whose content is nothing (``None``) has no result, in whichever operator."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.common import Time
from millstream.datastream import DataStream
from millstream.datastream.functions import AggregateFunction
from millstream.datastream.window import (
    CountTrigger,
    EventTimeSessionWindows,
    PurgingTrigger,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    WindowAssigner,
)
from millstream.testing import OperatorHarness

ASSIGNERS: list[WindowAssigner[Any, Any]] = [
    TumblingEventTimeWindows.of(Time.milliseconds(10)),
    SlidingEventTimeWindows.of(Time.milliseconds(10), Time.milliseconds(10)),
    EventTimeSessionWindows.with_gap(Time.milliseconds(5)),
]


class OnlyEven(AggregateFunction):
    def create_accumulator(self) -> int:
        return 0

    def add(self, value: int, accumulator: int) -> int:
        return accumulator + value

    def get_result(self, accumulator: int) -> int | None:
        return accumulator if accumulator % 2 == 0 else None

    def merge(self, acc_a: int, acc_b: int) -> int:
        return acc_a + acc_b


def _with_key(key: int, window: Any, results: Any) -> list[tuple[int, list[Any]]]:
    return [(key, list(results))]


def _results(assigner: WindowAssigner[Any, Any], window_function: Any, *, general: bool) -> list[Any]:
    def fragment(stream: DataStream) -> DataStream:
        windowed = stream.key_by(lambda value: value).window(assigner)
        if general:
            windowed = windowed.trigger(PurgingTrigger.of(CountTrigger.of(1)))
        return windowed.aggregate(OnlyEven(), window_function)

    with OperatorHarness(fragment) as harness:
        for value in range(4):
            harness.process_element(value, 1)
        harness.process_watermark(100)
        return sorted(harness.extract_output_values())


@pytest.mark.parametrize("assigner", ASSIGNERS, ids=repr)
@pytest.mark.parametrize("general", [False, True])
def test_nothing_comes_of_it(assigner: WindowAssigner[Any, Any], general: bool) -> None:
    assert _results(assigner, None, general=general) == [0, 2]


@pytest.mark.parametrize("assigner", ASSIGNERS, ids=repr)
@pytest.mark.parametrize("general", [False, True])
def test_no_window_function_is_called(assigner: WindowAssigner[Any, Any], general: bool) -> None:
    assert _results(assigner, _with_key, general=general) == [(0, [0]), (2, [2])]
