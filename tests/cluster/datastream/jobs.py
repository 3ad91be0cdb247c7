"""One program in many layouts: parallelism, chaining, buffers and sources differ, the results may not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from millstream.client.mini_cluster import MiniCluster
from millstream.common import WatermarkStrategy
from millstream.common.records import RecordBatch
from millstream.common.watermark_strategy import WatermarkGenerator, WatermarkOutput
from millstream.datastream import DataStream, StreamExecutionEnvironment
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext
from millstream.testing import environment_for
from tests.cluster.datastream.reference import Event

EVENTS = st.lists(
    st.builds(Event, st.integers(0, 4), st.integers(0, 99), st.integers(-40, 160)),
    max_size=50,
)


@dataclass(frozen=True)
class Layout:
    """How a job is laid out.

    :ivar sources: ``one``, ``union`` (of three), ``rebalanced`` (timestamps are assigned in several subtasks),
        ``from_source`` (in several subtasks of the source itself).
    """

    parallelism: int
    chaining: bool
    buffer_timeout: int
    sources: str

    def environment(self, made: StreamExecutionEnvironment) -> StreamExecutionEnvironment:
        made.set_parallelism(self.parallelism)
        made.set_buffer_timeout(self.buffer_timeout)
        if not self.chaining:
            made.disable_operator_chaining()
        return made

    def stream(self, environment: StreamExecutionEnvironment, events: Sequence[Event], bound: int) -> DataStream:
        """The events with timestamps, each followed by a watermark that is behind the highest one by ``bound``."""
        strategy = watermark_after_each(bound)
        if self.sources == "one":
            return environment.from_collection(events).assign_timestamps_and_watermarks(strategy)
        if self.sources == "rebalanced":
            spread = environment.from_collection(events).rebalance()
            return spread.assign_timestamps_and_watermarks(strategy)
        if self.sources == "from_source":
            return environment.from_source(EventSource(list(events)), strategy, "events")
        parts = [environment.from_collection(events[start::3]) for start in range(3)]
        first, *others = [part.assign_timestamps_and_watermarks(strategy) for part in parts]
        return first.union(*others)


LAYOUTS = st.builds(
    Layout,
    parallelism=st.integers(1, 3),
    chaining=st.booleans(),
    buffer_timeout=st.sampled_from([-1, 0, 1, 100]),
    sources=st.sampled_from(["one", "union", "rebalanced", "from_source"]),
)


class EventSource(Source):
    """Gives each subtask every n-th event, in batches of several sizes, now and then nothing."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _EventReader(self.events[context.index_of_subtask :: context.parallelism])


class _EventReader(SourceReader):
    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.size = 0

    def poll(self) -> RecordBatch | InputStatus:
        if not self.events:
            return InputStatus.END_OF_INPUT
        self.size = (self.size + 1) % 4
        if not self.size:
            return InputStatus.NOTHING_AVAILABLE
        batch, self.events = self.events[: self.size], self.events[self.size :]
        return RecordBatch(list(batch))


class AfterEach(WatermarkGenerator):
    """A watermark after each record, so that what is late depends on the records only and not on the time of day."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.latest: int | None = None

    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        self.latest = event_timestamp if self.latest is None else max(self.latest, event_timestamp)
        output.emit_watermark(self.latest - self.bound - 1)

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        pass


def watermark_after_each(bound: int = 0) -> WatermarkStrategy:
    return WatermarkStrategy.for_generator(AfterEach(bound)).with_timestamp_assigner(lambda event: event.timestamp)


def run(cluster: MiniCluster, layout: Layout, program: Callable[[StreamExecutionEnvironment], DataStream]) -> list[Any]:
    """The results of a program in one layout, in the order in which they came."""
    with environment_for(cluster) as environment:
        results = program(layout.environment(environment)).execute_and_collect()
        with results:  # type: ignore[union-attr]  # an iterator, as no limit is given
            return list(results)
