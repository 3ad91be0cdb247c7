"""W2: a word count, which emits each running sum."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.workloads.workload import write_result
from millstream.datastream.functions import RuntimeContext, SinkFunction

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["LastValueSink", "bare_words", "words_job"]


def split_line(line: str) -> list[tuple[str, int]]:
    return [(word, 1) for word in line.split()]


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
        write_result(self.directory, self.subtask, {"words": len(self.table), "total": sum(self.table.values())})


def words_job(env: StreamExecutionEnvironment, path: str, directory: str) -> None:
    (
        env.read_text_file(path)
        .flat_map(split_line)
        .key_by(lambda pair: pair[0])
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
        .add_sink(LastValueSink(directory))
    )


def _lines(path: str) -> Iterator[str]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


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
