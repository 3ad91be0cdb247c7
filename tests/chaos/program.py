"""The job that must not lose or repeat anything, whatever is killed while it runs.

Its output does not depend on when what happens: each key's records come from one split and so in one order, and event
time is out of order by less than the watermarks allow for.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import Any

from millstream.common import Duration, Time
from millstream.common.records import RecordBatch
from millstream.common.serialization import Encoder
from millstream.common.watermark_strategy import TimestampAssigner, WatermarkStrategy
from millstream.connectors.file_system import FileSink, RollingPolicy
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.connectors.file_system import BucketAssigner
from millstream.datastream.functions import (
    AggregateFunction,
    KeyedProcessFunction,
    MapFunction,
    ProcessWindowFunction,
    RuntimeContext,
)
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext
from millstream.datastream.state import ValueStateDescriptor
from millstream.datastream.window import TumblingEventTimeWindows

__all__ = ["KEYS", "SPLITS", "build_job", "expected_lines", "file_sink"]

SPLITS = 24
KEYS = 96  # a multiple of the splits: a key's records are all in one split
WINDOW_MS = 500
MOST_DISORDER = 40
REPORT_EVERY = 10

Event = tuple[int, int, int]
"""Key, timestamp in ms, amount."""


def event(number: int) -> Event:
    mixed = number * 2654435761 & 0xFFFFFFFF
    mixed ^= mixed >> 13
    return number % KEYS, number - mixed % MOST_DISORDER, mixed % 1000


class PacedSource(Source):
    """The numbers from 0, by residue in as many splits as may ever be needed; at a pace until a file says hurry.

    :param held_back: so many of them come only then.
    """

    def __init__(self, count: int, per_second: float, hurry: str, held_back: int = 0) -> None:
        self._count = count
        self._held_back = held_back
        self._per_second = per_second
        self._hurry = hurry

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        mine = range(context.index_of_subtask, SPLITS, context.parallelism)
        return _PacedReader(
            [(split, split) for split in mine], self._count, self._per_second, self._hurry, self._held_back
        )


class _PacedReader(SourceReader):
    """Its state is pairs of the next number of a split, and the split."""

    def __init__(
        self, splits: Sequence[tuple[int, int]], count: int, per_second: float, hurry: str, held_back: int
    ) -> None:
        self._splits = list(splits)
        heapify(self._splits)
        self._count = count
        self._held_back = held_back
        self._per_second = per_second
        self._hurry = hurry
        self._hurrying = False
        self._credit = 0.0
        self._last = time.monotonic()

    def start(self) -> None:
        self._last = time.monotonic()

    def poll(self) -> RecordBatch | InputStatus:
        if not self._splits:
            return InputStatus.END_OF_INPUT
        room = self._room()
        held_from = sys.maxsize if self._hurrying or not self._held_back else self._count - self._held_back
        if self._splits[0][0] >= held_from:
            return InputStatus.NOTHING_AVAILABLE
        if room < len(self._splits):
            return InputStatus.NOTHING_AVAILABLE
        numbers: list[int] = []
        # The one that is behind comes first: the watermark must not make its records late.
        while self._splits and len(numbers) < room:
            number, split = self._splits[0]
            if number >= held_from:
                break
            if number < self._count:
                numbers.append(number)
                heapreplace(self._splits, (number + SPLITS, split))
            else:
                heappop(self._splits)
        self._credit -= len(numbers)
        return RecordBatch(numbers)

    def _room(self) -> int:
        if not self._hurrying:
            self._hurrying = Path(self._hurry).exists()
        if self._hurrying:
            return 256
        now = time.monotonic()
        self._credit = min(self._credit + (now - self._last) * self._per_second * len(self._splits) / SPLITS, 512)
        self._last = now
        return int(self._credit)

    async def wait_available(self) -> None:
        await asyncio.sleep(0.005)

    def snapshot_state(self) -> Sequence[Any]:
        return tuple(self._splits)

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._splits = list(splits)
        heapify(self._splits)


class EventTime(TimestampAssigner):
    def extract_timestamp(self, value: Event, record_timestamp: int) -> int:
        return value[1]


class RunningSums(KeyedProcessFunction):
    """Reports each key's sum now and then: a lost, repeated or reordered record would show in all that follow."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.state: Any = runtime_context.get_state(ValueStateDescriptor("count and sum"))

    def process_element(self, value: Event, ctx: Any) -> Iterator[str]:
        count, total = self.state.value() or (0, 0)
        count, total = count + 1, (total * 31 + value[2]) % 1_000_000_007
        self.state.update((count, total))
        if count % REPORT_EVERY == 0:
            yield f"sum {value[0]} {count} {total}"


class Amounts(AggregateFunction):
    def create_accumulator(self) -> tuple[int, int]:
        return 0, 0

    def add(self, value: Event, accumulator: tuple[int, int]) -> tuple[int, int]:
        return accumulator[0] + 1, accumulator[1] + value[2]

    def get_result(self, accumulator: tuple[int, int]) -> tuple[int, int]:
        return accumulator

    def merge(self, a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        return a[0] + b[0], a[1] + b[1]


class WindowLine(ProcessWindowFunction[Any, str, int, Any]):
    def process(self, key: int, context: Any, elements: Any) -> Iterator[str]:
        for count, total in elements:
            yield f"window {key} {context.window().start} {count} {total}"


class OneBucket(BucketAssigner):
    def get_bucket_id(self, element: Any, context: Any) -> str:
        return ""


def file_sink(output: Path, *, each_checkpoint: bool = False) -> FileSink:
    """Return a sink of lines in files that are rolled now and then, or with each checkpoint, all in one directory."""
    seldom = RollingPolicy.default_rolling_policy(part_size=1 << 20, rollover_interval=2_000)
    return (
        FileSink.for_row_format(str(output), Encoder.simple_string_encoder())
        .with_bucket_assigner(OneBucket())
        .with_bucket_check_interval(250)
        .with_rolling_policy(RollingPolicy.on_checkpoint_rolling_policy() if each_checkpoint else seldom)
        .build()
    )


def build_job(
    env: StreamExecutionEnvironment,
    count: int,
    per_second: float,
    hurry: Path,
    output: Path,
    parallelism: int,
    through: MapFunction | None = None,
) -> None:
    """Define the job.

    :param per_second: the pace of all splits together.
    :param through: a function that all events pass.
    """
    env.set_parallelism(parallelism)
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(MOST_DISORDER + 20 * SPLITS))
    events = (
        env.from_source(PacedSource(count, per_second, str(hurry)), WatermarkStrategy.no_watermarks(), "numbers")
        .uid("numbers")
        .map(event)
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(EventTime()))
    )
    if through is not None:
        events = events.map(through).uid("through")
    keyed = events.key_by(lambda each: each[0])
    sums = keyed.process(RunningSums()).uid("sums")
    windows = (
        keyed.window(TumblingEventTimeWindows.of(Time.milliseconds(WINDOW_MS)))
        .aggregate(Amounts(), WindowLine())
        .uid("windows")
    )
    sums.union(windows).sink_to(file_sink(output)).uid("files")


def expected_lines(count: int) -> list[str]:
    """What an undisturbed run gives, sorted: the same in plain Python."""
    lines: list[str] = []
    sums: dict[int, tuple[int, int]] = {}
    windows: dict[tuple[int, int], tuple[int, int]] = {}
    for number in range(count):
        key, timestamp, amount = event(number)
        seen, total = sums.get(key, (0, 0))
        seen, total = seen + 1, (total * 31 + amount) % 1_000_000_007
        sums[key] = seen, total
        if seen % REPORT_EVERY == 0:
            lines.append(f"sum {key} {seen} {total}")
        pane = key, timestamp - timestamp % WINDOW_MS
        records, amounts = windows.get(pane, (0, 0))
        windows[pane] = records + 1, amounts + amount
    lines += [f"window {key} {start} {records} {amounts}" for (key, start), (records, amounts) in windows.items()]
    return sorted(lines)
