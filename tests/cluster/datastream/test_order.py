"""What one subtask sends to another arrives in its order, watermarks included, whatever lies between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.datastream import DataStream, StreamExecutionEnvironment
from millstream.datastream.functions import (
    CoProcessFunction,
    KeyedProcessFunction,
    MapFunction,
    ProcessFunction,
    RichParallelSourceFunction,
    RuntimeContext,
    SourceContext,
)
from tests.cluster.datastream.jobs import Layout, run

RECORDS = 400
KEYS = 7


class Sent(NamedTuple):
    source: str
    number: int
    timestamp: int


class Strictly(RichParallelSourceFunction):
    """Each subtask counts, with timestamps that rise, and says after each record that it will not be back."""

    def __init__(self, name: str = "", step: int = 1) -> None:
        self.name = name
        self.step = step

    def open(self, runtime_context: RuntimeContext) -> None:
        self.name = f"{self.name}{runtime_context.get_index_of_this_subtask()}"

    def run(self, ctx: SourceContext) -> None:
        for number in range(RECORDS):
            timestamp = number * self.step
            ctx.collect_with_timestamp(Sent(self.name, number, timestamp), timestamp)
            ctx.emit_watermark(timestamp)

    def cancel(self) -> None:
        pass


class Received(NamedTuple):
    subtask: int
    sent: Sent


class Receiving(MapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.subtask = runtime_context.get_index_of_this_subtask()

    def map(self, value: Sent) -> Received:
        return Received(self.subtask, value)


PARTITIONINGS: dict[str, Callable[[DataStream], DataStream]] = {
    "none": lambda stream: stream,
    "forward": lambda stream: stream.forward(),
    "rebalance": lambda stream: stream.rebalance(),
    "rescale": lambda stream: stream.rescale(),
    "shuffle": lambda stream: stream.shuffle(),
    "broadcast": lambda stream: stream.broadcast(),
    "global": lambda stream: stream.global_(),
    "key_by": lambda stream: stream.key_by(lambda sent: sent.number % KEYS),
    "custom": lambda stream: stream.partition_custom(lambda key, count: key % count, lambda sent: sent.number),
}


@pytest.mark.parametrize("chaining", [True, False])
@pytest.mark.parametrize("partitioning", PARTITIONINGS)
def test_records_keep_their_order(mini_cluster: MiniCluster, partitioning: str, chaining: bool) -> None:
    parallelism = 3

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        sent = environment.add_source(Strictly()).map(lambda record: record)
        return PARTITIONINGS[partitioning](sent).map(Receiving())

    received = run(mini_cluster, Layout(parallelism, chaining, 1, "one"), program)
    copies = parallelism if partitioning == "broadcast" else 1
    everything = [(str(source), number) for source in range(parallelism) for number in range(RECORDS)]
    assert sorted((each.sent.source, each.sent.number) for each in received) == sorted(everything * copies)
    last: dict[tuple[int, str], int] = {}
    for subtask, sent in received:
        assert last.get((subtask, sent.source), -1) < sent.number
        last[subtask, sent.source] = sent.number
    if partitioning in ("key_by", "custom"):
        rule = KEYS if partitioning == "key_by" else parallelism
        assert len({(each.sent.number % rule, each.subtask) for each in received}) == rule


class Probe(ProcessFunction):
    """Gives each record with the watermark that has arrived before it."""

    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[Any]:
        assert ctx.timestamp() == value.timestamp
        yield value, ctx.timer_service().current_watermark()


class KeyedProbe(KeyedProcessFunction):
    """The same; a timer for each record's own time must come with the watermark that covers it, and not before."""

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        ctx.timer_service().register_event_time_timer(value.timestamp)
        yield value, ctx.timer_service().current_watermark()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        watermark = ctx.timer_service().current_watermark()
        assert timestamp <= watermark
        yield timestamp, watermark


class CoProbe(CoProcessFunction):
    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield value, ctx.timer_service().current_watermark()

    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield value, ctx.timer_service().current_watermark()


def same(record: Any) -> Any:
    return record


def sources(environment: StreamExecutionEnvironment) -> tuple[DataStream, DataStream]:
    return environment.add_source(Strictly("a")), environment.add_source(Strictly("b", step=3))


WAYS: dict[str, Callable[[StreamExecutionEnvironment], DataStream]] = {
    "straight": lambda env: sources(env)[0].map(same).process(Probe()),
    "rebalance": lambda env: sources(env)[0].rebalance().map(same).process(Probe()),
    "broadcast": lambda env: sources(env)[0].broadcast().process(Probe()),
    "shuffle twice": lambda env: sources(env)[0].shuffle().map(same).shuffle().process(Probe()),
    "union": lambda env: sources(env)[0].union(sources(env)[1].map(same)).process(Probe()),
    "union, then key_by": lambda env: (
        sources(env)[0].union(sources(env)[1]).key_by(lambda sent: sent.number % KEYS).process(KeyedProbe())
    ),
    "connect": lambda env: sources(env)[0].connect(sources(env)[1].rebalance()).process(CoProbe()),
    "connect with itself": lambda env: (
        env.add_source(Strictly("a")).map(same).connect(sources(env)[1]).process(CoProbe())
    ),
    "through fused functions": lambda env: sources(env)[0].flat_map(lambda sent: [sent]).filter(bool).process(Probe()),
}


@pytest.mark.parametrize(("parallelism", "chaining"), [(1, True), (1, False), (3, True), (3, False)])
@pytest.mark.parametrize("way", WAYS)
def test_no_record_comes_after_the_watermark_that_covers_it(
    mini_cluster: MiniCluster, way: str, parallelism: int, chaining: bool
) -> None:
    results = run(mini_cluster, Layout(parallelism, chaining, 0, "one"), WAYS[way])
    records = [(sent, watermark) for sent, watermark in results if isinstance(sent, Sent)]
    assert len(records) % RECORDS == 0
    assert [(sent, watermark) for sent, watermark in records if sent.timestamp <= watermark] == []
    timers = [timestamp for timestamp, _ in results if isinstance(timestamp, int)]
    if "key_by" in way:
        assert len(set(timers)) == len({sent.timestamp for sent, _ in records})


@pytest.mark.parametrize("chaining", [True, False])
def test_a_watermark_is_not_overtaken_by_the_records_after_it(mini_cluster: MiniCluster, chaining: bool) -> None:
    """From one subtask to one, what stands between two records stays between them."""

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        return environment.add_source(Strictly("a", step=2)).map(same).process(Probe()).map(same)

    results = run(mini_cluster, Layout(1, chaining, 5, "one"), program)
    assert [watermark for _, watermark in results] == [-(2**63), *range(0, 2 * RECORDS - 2, 2)]
