"""Pairs of a name and a number that is also their timestamp, and functions for windows of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from millstream.common.typeinfo import Types
from millstream.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import (
    AggregateFunction,
    AllWindowFunction,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    WindowFunction,
)
from millstream.datastream.window import CountWindow

PAIRS = Types.TUPLE([Types.STRING(), Types.INT()])


class SecondField(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value[1])


class Count(ProcessWindowFunction[Any, Any, str, CountWindow]):
    def process(self, key: str, context: ProcessWindowFunction.Context[Any], elements: Iterable[Any]) -> Iterable[Any]:
        return [(key, len(list(elements)))]

    def clear(self, context: ProcessWindowFunction.Context[Any]) -> None:
        pass


class Sum(WindowFunction[Any, Any, str, CountWindow]):
    def apply(self, key: str, window: CountWindow, inputs: Iterable[Any]) -> list[Any]:
        return [(key, sum(number for _, number in inputs))]


class SumAll(AllWindowFunction[Any, Any, CountWindow]):
    def apply(self, window: CountWindow, inputs: Iterable[Any]) -> list[int]:
        return [sum(number for _, number in inputs)]


class CountAll(ProcessAllWindowFunction[Any, Any, CountWindow]):
    def process(self, context: ProcessAllWindowFunction.Context[Any], elements: Iterable[Any]) -> list[int]:
        return [len(list(elements))]


class Average(AggregateFunction):
    def create_accumulator(self) -> tuple[int, int]:
        return 0, 0

    def add(self, value: Any, accumulator: tuple[int, int]) -> tuple[int, int]:
        return accumulator[0] + value[1], accumulator[1] + 1

    def get_result(self, accumulator: tuple[int, int]) -> float:
        return accumulator[0] / accumulator[1]

    def merge(self, acc_a: tuple[int, int], acc_b: tuple[int, int]) -> tuple[int, int]:
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


NUMBERS = [("hi", number) for number in (1, 2, 3, 4, 5, 8, 9, 15)]


def stamped(environment: StreamExecutionEnvironment, numbers: list[Any] = NUMBERS) -> Any:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(SecondField())
    return environment.from_collection(numbers, type_info=PAIRS).assign_timestamps_and_watermarks(strategy)


def keyed(environment: StreamExecutionEnvironment, numbers: list[Any] = NUMBERS) -> Any:
    return stamped(environment, numbers).key_by(lambda pair: pair[0], key_type=Types.STRING())
