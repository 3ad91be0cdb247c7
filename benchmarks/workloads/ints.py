"""W1: nothing but the cost of a record."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.workloads.workload import write_result
from millstream.datastream.functions import RuntimeContext, SinkFunction

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["CountingSink", "bare_ints", "ints_job"]


def double_plus_one(x: int) -> int:
    return x * 2 + 1


def divisible_by_three(x: int) -> bool:
    return x % 3 == 0


class CountingSink(SinkFunction):
    """Counts records; leaves the count in ``<directory>/<subtask>.json`` when it is closed."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.count = 0
        self.subtask = 0

    def open(self, runtime_context: RuntimeContext) -> None:
        self.subtask = runtime_context.get_index_of_this_subtask()

    def invoke(self, value: Any, context: Any) -> None:
        self.count += 1

    def close(self) -> None:
        write_result(self.directory, self.subtask, {"count": self.count})


def ints_job(env: StreamExecutionEnvironment, size: str, directory: str) -> None:
    env.from_sequence(1, int(size)).map(double_plus_one).filter(divisible_by_three).add_sink(CountingSink(directory))


def bare_ints(size: str, directory: str) -> float:
    """W1 without an engine; returns seconds."""
    sink = CountingSink(directory)
    map_function: Callable[[int], int] = double_plus_one
    filter_function = divisible_by_three
    started = time.perf_counter()
    for x in range(1, int(size) + 1):
        value = map_function(x)
        if filter_function(value):
            sink.invoke(value, None)
    elapsed = time.perf_counter() - started
    sink.close()
    return elapsed
