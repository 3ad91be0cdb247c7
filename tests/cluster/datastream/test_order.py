"""What one subtask sends to another arrives in its order, watermarks included, whatever lies between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Time, Types
from millstream.datastream import AsyncDataStream, DataStream, OutputTag, StreamExecutionEnvironment
from millstream.datastream.functions import (
    AsyncFunction,
    BroadcastProcessFunction,
    CoProcessFunction,
    KeyedProcessFunction,
    MapFunction,
    ProcessFunction,
    ProcessJoinFunction,
    RichParallelSourceFunction,
    RuntimeContext,
    SourceContext,
)
from millstream.datastream.state import MapStateDescriptor
from millstream.datastream.window import TumblingEventTimeWindows
from tests.cluster.datastream.jobs import Layout, run

RECORDS = 300
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
    """Gives each record's timestamp with the watermark that has arrived before it."""

    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[Any]:
        yield ctx.timestamp(), ctx.timer_service().current_watermark()


class KeyedProbe(KeyedProcessFunction):
    """The same; a timer for each record's own time must come with the watermark that covers it, and not before."""

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        ctx.timer_service().register_event_time_timer(ctx.timestamp() or 0)
        yield ctx.timestamp(), ctx.timer_service().current_watermark()

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        watermark = ctx.timer_service().current_watermark()
        assert timestamp <= watermark
        yield "timer", timestamp


class CoProbe(CoProcessFunction):
    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield ctx.timestamp(), ctx.timer_service().current_watermark()

    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield ctx.timestamp(), ctx.timer_service().current_watermark()


class RulesProbe(BroadcastProcessFunction[Any, Any, Any]):
    def process_element(self, value: Any, ctx: BroadcastProcessFunction.ReadOnlyContext) -> Iterator[Any]:
        yield ctx.timestamp(), ctx.current_watermark()

    def process_broadcast_element(self, value: Any, ctx: BroadcastProcessFunction.Context) -> Iterator[Any]:
        yield ctx.timestamp(), ctx.current_watermark()


class Aside(ProcessFunction):
    """Half of the records go to a side output."""

    def process_element(self, value: Sent, ctx: ProcessFunction.Context) -> Iterator[Any]:
        yield (SIDE, value) if value.number % 2 else value


class Pairs(ProcessJoinFunction):
    def process_element(self, left: Sent, right: Sent, ctx: ProcessJoinFunction.Context) -> Iterator[Any]:
        yield left


class Waiting(AsyncFunction[Sent, Sent]):
    async def async_invoke(self, value: Sent) -> list[Sent]:
        await asyncio.sleep(0.001 * (value.number % 3))
        return [value]


SIDE = OutputTag("side")
RULES = MapStateDescriptor("rules", Types.INT(), Types.INT())


def same(record: Any) -> Any:
    return record


def key_of(sent: Sent) -> int:
    return sent.number % KEYS


def ms(length: int) -> Time:
    return Time.milliseconds(length)


def a(environment: StreamExecutionEnvironment) -> DataStream:
    return environment.add_source(Strictly("a"))


def b(environment: StreamExecutionEnvironment) -> DataStream:
    return environment.add_source(Strictly("b", step=3))


def window_results(environment: StreamExecutionEnvironment) -> DataStream:
    windowed: Any = a(environment).key_by(key_of).window(TumblingEventTimeWindows.of(ms(10)))
    results: DataStream = windowed.reduce(lambda first, second: second)
    return results


def both_halves(environment: StreamExecutionEnvironment) -> DataStream:
    halves = a(environment).process(Aside())
    return halves.union(halves.get_side_output(SIDE))


WAYS: dict[str, Callable[[StreamExecutionEnvironment], DataStream]] = {
    "straight": lambda env: a(env).map(same).process(Probe()),
    "rebalance": lambda env: a(env).rebalance().map(same).process(Probe()),
    "broadcast": lambda env: a(env).broadcast().process(Probe()),
    "shuffle twice": lambda env: a(env).shuffle().map(same).shuffle().process(Probe()),
    "fused functions": lambda env: a(env).flat_map(lambda sent: [sent]).filter(bool).process(Probe()),
    "union": lambda env: a(env).union(b(env).map(same)).process(Probe()),
    "union, then key_by": lambda env: a(env).union(b(env)).key_by(key_of).process(KeyedProbe()),
    "connect": lambda env: a(env).connect(b(env).rebalance()).process(CoProbe()),
    "connect, chained": lambda env: a(env).map(same).connect(b(env)).process(CoProbe()),
    "rules": lambda env: a(env).connect(b(env).broadcast(RULES)).process(RulesProbe()),
    "side output": lambda env: a(env).process(Aside()).get_side_output(SIDE).process(Probe()),
    "side output, rebalanced": lambda env: a(env).process(Aside()).get_side_output(SIDE).rebalance().process(Probe()),
    "side output and main output": lambda env: both_halves(env).process(Probe()),
    "interval join": lambda env: (
        a(env)
        .key_by(key_of)
        .interval_join(b(env).key_by(key_of))
        .between(ms(-5), ms(5))
        .process(Pairs())
        .process(Probe())
    ),
    "ordered wait": lambda env: AsyncDataStream.ordered_wait(a(env), Waiting(), Time.seconds(30), 20).process(Probe()),
    "unordered wait": lambda env: AsyncDataStream.unordered_wait(a(env), Waiting(), Time.seconds(30), 20).process(
        Probe()
    ),
    "windows": lambda env: window_results(env).rebalance().process(Probe()),
}


@pytest.mark.parametrize(("parallelism", "chaining"), [(1, True), (1, False), (3, True), (3, False)])
@pytest.mark.parametrize("way", WAYS)
def test_no_record_comes_after_the_watermark_that_covers_it(
    mini_cluster: MiniCluster, way: str, parallelism: int, chaining: bool
) -> None:
    results = run(mini_cluster, Layout(parallelism, chaining, 0, "one"), WAYS[way])
    records = [(timestamp, watermark) for timestamp, watermark in results if timestamp != "timer"]
    assert len(records) > RECORDS / 3
    assert [(timestamp, watermark) for timestamp, watermark in records if timestamp <= watermark] == []
    timers = [time for word, time in results if word == "timer"]
    assert set(timers) == ({timestamp for timestamp, _ in records} if "key_by" in way else set())


@pytest.mark.parametrize("chaining", [True, False])
def test_a_watermark_is_not_overtaken_by_the_records_after_it(mini_cluster: MiniCluster, chaining: bool) -> None:
    """From one subtask to one, what stands between two records stays between them."""

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        return environment.add_source(Strictly("a", step=2)).map(same).process(Probe()).map(same)

    results = run(mini_cluster, Layout(1, chaining, 5, "one"), program)
    assert [watermark for _, watermark in results] == [-(2**63), *range(0, 2 * RECORDS - 2, 2)]
