"""The workloads: their user functions, their job, and the bare loop that is their baseline.

Job and bare loop call the very same functions record by record, so the ratio of their speeds is what the engine
itself costs (or gains).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millstream.datastream.functions import RuntimeContext, SinkFunction

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["WORKLOADS", "CountingSink", "LastValueSink", "Workload", "bare_ints", "bare_words"]


def double_plus_one(x: int) -> int:
    return x * 2 + 1


def divisible_by_three(x: int) -> bool:
    return x % 3 == 0


def split_line(line: str) -> list[tuple[str, int]]:
    return [(word, 1) for word in line.split()]


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
        _write_result(self.directory, self.subtask, {"count": self.count})


class LastValueSink(SinkFunction):
    """Keeps the last value of each word, as a user's sink would that updates a table."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.table: dict[str, int] = {}
        self.subtask = 0

    def open(self, runtime_context: RuntimeContext) -> None:
        self.subtask = runtime_context.get_index_of_this_subtask()

    def invoke(self, value: tuple[str, int], context: Any) -> None:
        self.table[value[0]] = value[1]

    def close(self) -> None:
        _write_result(self.directory, self.subtask, {"words": len(self.table), "total": sum(self.table.values())})


def _write_result(directory: str, subtask: int, result: dict[str, int]) -> None:
    target = Path(directory) / f"{subtask}.json"
    temporary = target.with_suffix(".tmp")
    temporary.write_text(json.dumps(result))
    os.replace(temporary, target)


def _lines(path: str) -> Iterator[str]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


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


def bare_words(path: str, directory: str) -> float:
    """W2 without an engine; returns seconds."""
    sink = LastValueSink(directory)
    key_of: Callable[[tuple[str, int]], str] = lambda pair: pair[0]  # noqa: E731  # as in the job
    reduce_function: Callable[[tuple[str, int], tuple[str, int]], tuple[str, int]] = lambda a, b: (  # noqa: E731
        a[0],
        a[1] + b[1],
    )
    state: dict[str, tuple[str, int]] = {}
    started = time.perf_counter()
    for line in _lines(path):
        for pair in split_line(line):
            key = key_of(pair)
            before = state.get(key)
            now = pair if before is None else reduce_function(before, pair)
            state[key] = now
            sink.invoke(now, None)
    elapsed = time.perf_counter() - started
    sink.close()
    return elapsed


def ints_job(env: StreamExecutionEnvironment, size: str, directory: str) -> None:
    env.from_sequence(1, int(size)).map(double_plus_one).filter(divisible_by_three).add_sink(CountingSink(directory))


def words_job(env: StreamExecutionEnvironment, path: str, directory: str) -> None:
    (
        env.read_text_file(path)
        .flat_map(split_line)
        .key_by(lambda pair: pair[0])
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
        .add_sink(LastValueSink(directory))
    )


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload.

    :ivar job: defines the program on an environment, given the input and the directory for results.
    :ivar bare: runs the baseline on the same input, returns its seconds.
    """

    name: str
    title: str
    job: Callable[[Any, str, str], None]
    bare: Callable[[str, str], float]


WORKLOADS = {
    "w1": Workload("w1", "W1 ints: map, filter, count", ints_job, bare_ints),
    "w2": Workload("w2", "W2 word count, running sums", words_job, bare_words),
}


def read_results(directory: str) -> dict[str, int]:
    """Add up what the subtasks' sinks left in ``directory``."""
    totals: dict[str, int] = {}
    for file in Path(directory).glob("*.json"):
        for name, value in json.loads(file.read_text()).items():
            totals[name] = totals.get(name, 0) + value
    return totals
