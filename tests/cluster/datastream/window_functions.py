"""Window functions whose results show everything that was in the window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from millstream.datastream import DataStream
from millstream.datastream.functions import AggregateFunction, ProcessWindowFunction, WindowFunction
from tests.cluster.datastream.reference import Event, Pane


class Values(AggregateFunction):
    """Collects the events' values."""

    def create_accumulator(self) -> list[int]:
        return []

    def add(self, value: Event, accumulator: list[int]) -> list[int]:
        accumulator.append(value.value)
        return accumulator

    def get_result(self, accumulator: list[int]) -> tuple[int, ...]:
        return tuple(accumulator)

    def merge(self, acc_a: list[int], acc_b: list[int]) -> list[int]:
        return acc_a + acc_b


class WithWindow(ProcessWindowFunction[Any, Pane, Any, Any]):
    """Adds key and window to the one result of an aggregation."""

    def process(self, key: Any, context: ProcessWindowFunction.Context[Any], elements: Iterable[Any]) -> Iterator[Pane]:
        (values,) = elements
        window = context.window()
        yield Pane(key, window.start, window.end, tuple(values))


class WholeWindow(ProcessWindowFunction[Event, Pane, Any, Any]):
    def process(
        self, key: Any, context: ProcessWindowFunction.Context[Any], elements: Iterable[Event]
    ) -> Iterator[Pane]:
        window = context.window()
        assert window.max_timestamp() <= context.current_watermark()
        yield Pane(key, window.start, window.end, tuple(each.value for each in elements))


class Applied(WindowFunction[Event, Pane, Any, Any]):
    def apply(self, key: Any, window: Any, inputs: Iterable[Event]) -> list[Pane]:
        return [Pane(key, window.start, window.end, tuple(each.value for each in inputs))]


def evaluated(windowed: Any, function: str) -> DataStream:
    """Let a windowed stream of events give panes in one of several ways."""
    result: DataStream
    if function == "aggregate":
        result = windowed.aggregate(Values(), WithWindow())
    elif function == "process":
        result = windowed.process(WholeWindow())
    else:
        result = windowed.apply(Applied())
    return result
