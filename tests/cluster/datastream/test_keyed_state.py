"""Functions that remember: each key has its own, in every subtask, in whatever layout the job runs."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Types
from millstream.datastream import DataStream, OutputTag, StreamExecutionEnvironment
from millstream.datastream.functions import (
    AggregateFunction,
    FilterFunction,
    FlatMapFunction,
    KeyedProcessFunction,
    MapFunction,
    ReduceFunction,
    RuntimeContext,
)
from millstream.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    ValueStateDescriptor,
)
from tests.cluster.datastream.jobs import Layout, run
from tests.cluster.datastream.reference import Event

EVENTS = [
    Event(chance.randrange(20), chance.randrange(100), number) for chance in [random.Random(3)] for number in range(400)
]
LAYOUTS = [Layout(1, True, 100, "one"), Layout(2, True, 0, "one"), Layout(3, False, 1, "one")]
SUMS = OutputTag("sums", Types.TUPLE([Types.INT(), Types.INT()]))


class Mean(AggregateFunction):
    def create_accumulator(self) -> tuple[int, int]:
        return 0, 0

    def add(self, value: int, accumulator: tuple[int, int]) -> tuple[int, int]:
        return accumulator[0] + value, accumulator[1] + 1

    def get_result(self, accumulator: tuple[int, int]) -> float:
        return accumulator[0] / accumulator[1]

    def merge(self, acc_a: tuple[int, int], acc_b: tuple[int, int]) -> tuple[int, int]:
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


class Everything(KeyedProcessFunction):
    """Keeps one state of each kind; a timer tells what is in them after each hundred ms, and clears them.

    The record of the last ms of a hundred lets the watermark advance to the one before.
    """

    def open(self, runtime_context: RuntimeContext) -> None:
        self.last = runtime_context.get_state(ValueStateDescriptor("last", Types.INT()))
        self.all = runtime_context.get_list_state(ListStateDescriptor("all", Types.INT()))
        self.often = runtime_context.get_map_state(MapStateDescriptor("often", Types.INT(), Types.INT()))
        self.sum = runtime_context.get_reducing_state(ReducingStateDescriptor("sum", lambda a, b: a + b, Types.INT()))
        mean = AggregatingStateDescriptor("mean", Mean(), Types.PICKLED_BYTE_ARRAY())
        self.mean = runtime_context.get_aggregating_state(mean)

    def process_element(self, value: Event, ctx: KeyedProcessFunction.Context) -> None:
        number = value.value
        self.last.update(number)
        self.all.add(number)
        self.often[number % 3] = (self.often.get(number % 3) or 0) + 1
        self.sum.add(number)
        self.mean.add(number)
        timestamp = ctx.timestamp()
        assert timestamp is not None
        ctx.timer_service().register_event_time_timer(timestamp // 100 * 100 + 98)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        key = ctx.get_current_key()
        often = tuple(sorted(self.often.items()))
        yield key, timestamp, self.last.value(), tuple(self.all.get()), often, self.mean.get()
        yield SUMS, (key, self.sum.get())
        for state in (self.last, self.all, self.often, self.sum, self.mean):
            state.clear()


def _hundreds() -> dict[tuple[int, int], list[int]]:
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for event in EVENTS:
        found[event.key, event.timestamp // 100 * 100 + 98].append(event.value)
    return found


def _keyed(environment: StreamExecutionEnvironment, layout: Layout) -> Any:
    return layout.stream(environment, EVENTS, 0).key_by(lambda event: event.key)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_each_kind_of_state(mini_cluster: MiniCluster, layout: Layout) -> None:
    results = run(mini_cluster, layout, lambda environment: _keyed(environment, layout).process(Everything()))
    expected = [
        (
            key,
            end,
            values[-1],
            tuple(values),
            tuple(sorted(Counter(v % 3 for v in values).items())),
            sum(values) / len(values),
        )
        for (key, end), values in _hundreds().items()
    ]
    assert sorted(results) == sorted(expected)

    def sums(environment: StreamExecutionEnvironment) -> DataStream:
        side: DataStream = _keyed(environment, layout).process(Everything()).get_side_output(SUMS)
        return side

    assert sorted(run(mini_cluster, layout, sums)) == sorted((key, sum(vs)) for (key, _), vs in _hundreds().items())


class Numbered(MapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.INT()))

    def map(self, value: Event) -> tuple[int, int]:
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        return value.key, count


class EverySecond(FilterFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.odd = runtime_context.get_state(ValueStateDescriptor("odd", Types.BOOLEAN()))

    def filter(self, value: Event) -> bool:
        odd = bool(self.odd.value())
        self.odd.update(not odd)
        return odd


class Pairs(FlatMapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.waiting = runtime_context.get_list_state(ListStateDescriptor("waiting", Types.INT()))

    def flat_map(self, value: Event) -> Iterator[tuple[int, ...]]:
        self.waiting.add(value.value)
        found = list(self.waiting)
        if len(found) == 2:
            yield (value.key, *found)
            self.waiting.clear()


class SumWithCount(ReduceFunction):
    """The reduced event's timestamp is how often it has been reduced."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.INT()))

    def reduce(self, value1: Event, value2: Event) -> Event:
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        return Event(value1.key, value1.value + value2.value, count)


def _by_key() -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = defaultdict(list)
    for event in EVENTS:
        found[event.key].append(event)
    return found


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_state_of_the_simple_functions(mini_cluster: MiniCluster, layout: Layout) -> None:
    def results(method: str, function: Any) -> list[Any]:
        return sorted(run(mini_cluster, layout, lambda env: getattr(_keyed(env, layout), method)(function)))

    by_key = _by_key()
    numbered = [(key, number) for key, events in by_key.items() for number in range(1, len(events) + 1)]
    assert results("map", Numbered()) == sorted(numbered)
    assert results("filter", EverySecond()) == sorted(event for events in by_key.values() for event in events[1::2])
    pairs = [
        (key, first.value, second.value)
        for key, events in by_key.items()
        for first, second in zip(events[::2], events[1::2], strict=False)
    ]
    assert results("flat_map", Pairs()) == sorted(pairs)
    reduced = [
        Event(key, sum(event.value for event in events[: number + 1]), number or events[0].timestamp)
        for key, events in by_key.items()
        for number in range(len(events))
    ]
    assert results("reduce", SumWithCount()) == sorted(reduced)

    def running(value: Event, state: int | None) -> tuple[tuple[int, int], int]:
        total = (state or 0) + value.value
        return (value.key, total), total

    sums = [
        (key, sum(event.value for event in events[: number + 1]))
        for key, events in by_key.items()
        for number in range(len(events))
    ]
    assert results("map_with_state", running) == sorted(sums)
