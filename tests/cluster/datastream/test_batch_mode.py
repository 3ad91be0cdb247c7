"""A bounded job gives in batch mode what it gives in the end when it streams."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Time, Types
from millstream.datastream import DataStream, RuntimeExecutionMode, StreamExecutionEnvironment
from millstream.datastream.functions import (
    BroadcastProcessFunction,
    CoProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    ProcessFunction,
    RuntimeContext,
)
from millstream.datastream.state import MapStateDescriptor, ValueStateDescriptor
from millstream.datastream.window import EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows
from tests.cluster.datastream.jobs import Layout, run
from tests.cluster.datastream.reference import Event
from tests.cluster.datastream.window_functions import evaluated

EVENTS = [
    Event(chance.randrange(5), chance.randrange(100), chance.randrange(200))
    for chance in [random.Random(7)]
    for _ in range(300)
]
WORDS = [f"w{random.Random(number).randrange(20)}" for number in range(200)]
LAYOUT = Layout(2, True, 100, "one")


def events(environment: StreamExecutionEnvironment, layout: Layout = LAYOUT) -> DataStream:
    return layout.stream(environment, EVENTS, 1000)


class Totals(KeyedProcessFunction):
    """One result per key, from a timer after all records."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.total = runtime_context.get_state(ValueStateDescriptor("total", Types.INT()))

    def process_element(self, value: Event, ctx: KeyedProcessFunction.Context) -> None:
        self.total.update((self.total.value() or 0) + value.value)
        ctx.timer_service().register_event_time_timer(10_000)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        yield ctx.get_current_key(), self.total.value(), timestamp


class Each(ProcessFunction):
    def process_element(self, value: Event, ctx: ProcessFunction.Context) -> Iterator[Any]:
        yield value, ctx.timestamp()


class CoTotals(KeyedCoProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.total = runtime_context.get_state(ValueStateDescriptor("total", Types.INT()))

    def process_element1(self, value: Event, ctx: KeyedCoProcessFunction.Context) -> None:
        self.total.update((self.total.value() or 0) + value.value)
        ctx.timer_service().register_event_time_timer(10_000)

    def process_element2(self, value: Event, ctx: KeyedCoProcessFunction.Context) -> None:
        self.total.update((self.total.value() or 0) - 2 * value.value)

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> Iterator[Any]:
        yield ctx.get_current_key(), self.total.value()


class Sides(CoProcessFunction):
    def process_element1(self, value: Event, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield 1, value

    def process_element2(self, value: Event, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield 2, value


RULES = MapStateDescriptor("rules", Types.INT(), Types.INT())


def keyed(environment: StreamExecutionEnvironment) -> Any:
    return events(environment).key_by(lambda event: event.key)


def word_count(environment: StreamExecutionEnvironment) -> DataStream:
    return environment.from_collection(WORDS).map(lambda word: (word, 1)).key_by(0).sum(1)


PROGRAMS: dict[str, Callable[[StreamExecutionEnvironment], DataStream]] = {
    "tumbling": lambda env: evaluated(keyed(env).window(TumblingEventTimeWindows.of(Time.milliseconds(30))), "process"),
    "sliding": lambda env: evaluated(
        keyed(env).window(SlidingEventTimeWindows.of(Time.milliseconds(40), Time.milliseconds(15))), "aggregate"
    ),
    "sessions": lambda env: evaluated(
        keyed(env).window(EventTimeSessionWindows.with_gap(Time.milliseconds(3))), "aggregate"
    ),
    "count windows": lambda env: (
        keyed(env).count_window(7).reduce(lambda a, b: Event(a.key, 0, 0)).map(lambda event: event.key)
    ),
    "process": lambda env: events(env).process(Each()),
    "keyed process": lambda env: keyed(env).process(Totals()),
    "connected": lambda env: events(env).connect(events(env)).process(Sides()),
    "keyed connected": lambda env: keyed(env).connect(keyed(env)).process(CoTotals()),
    "window join": lambda env: (
        events(env)
        .join(events(env))
        .where(lambda event: event.key)
        .equal_to(lambda event: event.key)
        .window(TumblingEventTimeWindows.of(Time.milliseconds(20)))
        .apply(lambda left, right: (left, right))
    ),
    "windows of windows": lambda env: evaluated(
        evaluated(keyed(env).window(TumblingEventTimeWindows.of(Time.milliseconds(10))), "aggregate")
        .map(lambda pane: Event(pane.key % 2, sum(pane.values), 0))
        .key_by(lambda event: event.key)
        .window(TumblingEventTimeWindows.of(Time.milliseconds(100))),
        "process",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_batch_gives_what_streaming_gives(mini_cluster: MiniCluster, name: str) -> None:
    def in_mode(mode: RuntimeExecutionMode) -> list[Any]:
        def program(environment: StreamExecutionEnvironment) -> DataStream:
            return PROGRAMS[name](environment.set_runtime_mode(mode))

        return sorted(run(mini_cluster, LAYOUT, program))

    streamed = in_mode(RuntimeExecutionMode.STREAMING)
    assert streamed, "a test of nothing"
    assert in_mode(RuntimeExecutionMode.BATCH) == streamed
    assert in_mode(RuntimeExecutionMode.AUTOMATIC) == streamed


def test_word_count(mini_cluster: MiniCluster) -> None:
    streamed = run(mini_cluster, LAYOUT, word_count)
    batch = run(mini_cluster, LAYOUT, lambda env: word_count(env.set_runtime_mode(RuntimeExecutionMode.BATCH)))
    assert len(streamed) == len(WORDS)
    final = dict(sorted(streamed))
    assert sorted(batch) == sorted(final.items())


class Ruled(BroadcastProcessFunction[Any, Any, Any]):
    def process_element(self, value: Event, ctx: BroadcastProcessFunction.ReadOnlyContext) -> Iterator[Any]:
        yield value, ctx.get_broadcast_state(RULES).get(value.key)

    def process_broadcast_element(self, value: Any, ctx: BroadcastProcessFunction.Context) -> None:
        ctx.get_broadcast_state(RULES).put(*value)


def test_in_batch_mode_the_broadcast_input_comes_first(mini_cluster: MiniCluster) -> None:
    def program(environment: StreamExecutionEnvironment) -> DataStream:
        environment.set_runtime_mode(RuntimeExecutionMode.BATCH)
        rules = environment.from_collection([(key, 10 * key) for key in range(5)]).broadcast(RULES)
        ruled: DataStream = events(environment).connect(rules).process(Ruled())
        return ruled

    assert sorted(run(mini_cluster, LAYOUT, program)) == sorted((event, 10 * event.key) for event in EVENTS)


def test_in_batch_mode_each_keys_records_come_by_time(mini_cluster: MiniCluster) -> None:
    class Following(KeyedProcessFunction):
        def __init__(self) -> None:
            self.last: Any = None

        def process_element(self, value: Event, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
            here = (ctx.get_current_key(), ctx.timestamp())
            before, self.last = self.last, here
            yield before, here

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        environment.set_runtime_mode(RuntimeExecutionMode.BATCH)
        followed: DataStream = keyed(environment).process(Following())
        return followed.set_parallelism(1)

    steps = run(mini_cluster, LAYOUT, program)
    assert len(steps) == len(EVENTS)
    keys = [here[0] for _, here in steps]
    assert len([key for index, key in enumerate(keys) if index == 0 or keys[index - 1] != key]) == len(set(keys))
    assert all(before[1] <= here[1] for before, here in steps if before is not None and before[0] == here[0])
