"""W2 and W4 with a million keys: rolling sums, and state with timers, over keys at random."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.workloads.readings import TotalsSink
from millstream.common import Duration, Types
from millstream.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from millstream.datastream.functions import KeyedProcessFunction, RuntimeContext
from millstream.datastream.state import ValueStateDescriptor

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["bare_sums", "bare_visits", "sums_job", "visits_job"]

_KEYS = 1_000_000
_TIMER_MS = 1_000_000


def one_of_a_million(number: int) -> tuple[int, int]:
    mixed = number * 2654435761 & 0xFFFFFFFF
    mixed ^= mixed >> 15
    return mixed % _KEYS, number


def sums_job(env: StreamExecutionEnvironment, count: str, directory: str) -> None:
    (
        env.from_sequence(1, int(count))
        .map(one_of_a_million)
        .key_by(lambda pair: pair[0])
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
        .add_sink(TotalsSink(directory))
    )


def bare_sums(count: str, directory: str) -> float:
    """The sums without an engine; returns seconds."""
    sink = TotalsSink(directory)
    state: dict[int, tuple[int, int]] = {}
    started = time.perf_counter()
    for number in range(1, int(count) + 1):
        pair = one_of_a_million(number)
        before = state.get(pair[0])
        now = state[pair[0]] = pair if before is None else (before[0], before[1] + pair[1])
        sink.invoke(now, None)
    elapsed = time.perf_counter() - started
    sink.close()
    return elapsed


class NumberTime(TimestampAssigner):
    """The number is the timestamp."""

    def extract_timestamp(self, value: tuple[int, int], record_timestamp: int) -> int:
        return value[1]


class Visits(KeyedProcessFunction):
    """Counts a key's records and gives the count when the key has been silent."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.visits: Any = runtime_context.get_state(ValueStateDescriptor("visits", Types.LONG()))

    def process_element(self, value: tuple[int, int], ctx: Any) -> None:
        before = self.visits.value()
        if before is None:
            self.visits.update(1)
            ctx.timer_service().register_event_time_timer(ctx.timestamp() - ctx.timestamp() % _TIMER_MS + _TIMER_MS)
        else:
            self.visits.update(before + 1)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[tuple[int, int]]:
        yield ctx.get_current_key(), self.visits.value()
        self.visits.clear()


def visits_job(env: StreamExecutionEnvironment, count: str, directory: str) -> None:
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(0))
    (
        env.from_sequence(1, int(count))
        .map(one_of_a_million)
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(NumberTime()))
        .key_by(lambda pair: pair[0])
        .process(Visits())
        .add_sink(TotalsSink(directory))
    )


def bare_visits(count: str, directory: str) -> float:
    """The visits without an engine; returns seconds."""
    sink = TotalsSink(directory)
    visits: dict[int, int] = {}
    timers: dict[int, list[int]] = {}
    started = time.perf_counter()
    for number in range(1, int(count) + 1):
        key, timestamp = one_of_a_million(number)
        for end in [each for each in timers if each < timestamp]:
            for due in timers.pop(end):
                sink.invoke((due, visits.pop(due)), None)
        before = visits.get(key)
        if before is None:
            visits[key] = 1
            timers.setdefault(timestamp - timestamp % _TIMER_MS + _TIMER_MS, []).append(key)
        else:
            visits[key] = before + 1
    for end in sorted(timers):
        for due in timers[end]:
            sink.invoke((due, visits.pop(due)), None)
    elapsed = time.perf_counter() - started
    sink.close()
    return elapsed
