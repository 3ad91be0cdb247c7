"""The same over worker processes of two TaskManagers, so that everything crosses the network in its wire form."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cloudpickle
import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Time, Types
from millstream.datastream import DataStream, OutputTag, StreamExecutionEnvironment
from millstream.datastream.functions import KeyedCoProcessFunction, RuntimeContext
from millstream.datastream.state import ListStateDescriptor
from millstream.datastream.window import SlidingEventTimeWindows, TumblingEventTimeWindows
from tests.cluster.datastream import jobs, reference, window_functions
from tests.cluster.datastream.jobs import Layout, run
from tests.cluster.datastream.reference import Event, Pane, disorder, panes, sliding, unordered
from tests.cluster.datastream.test_late_records import sliding_model
from tests.cluster.datastream.window_functions import evaluated

LATE = OutputTag("late")
CHANCE = random.Random(5)
EVENTS = [Event(CHANCE.randrange(20), CHANCE.randrange(100), CHANCE.randrange(1000)) for _ in range(2000)]
LAYOUT = Layout(3, True, 1, "union")


@pytest.fixture
def processes() -> Iterator[MiniCluster]:
    """A cluster of the test's own: one that is shared replaces workers while a test counts what is left behind."""
    modules = (jobs, reference, window_functions)
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    with MiniCluster(2, 2, "process") as cluster:
        yield cluster
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


def test_windows(processes: MiniCluster) -> None:
    assigner = SlidingEventTimeWindows.of(Time.milliseconds(100), Time.milliseconds(40))

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        stream = LAYOUT.stream(environment, EVENTS, disorder(EVENTS))
        return evaluated(stream.key_by(lambda event: event.key).window(assigner), "process")

    # The classes of what comes back are copies.
    results = [Pane(*each) for each in run(processes, LAYOUT, program)]
    assert unordered(results) == unordered(panes(EVENTS, sliding(100, 40)))


def test_late_records(processes: MiniCluster) -> None:
    layout = Layout(4, False, 0, "one")
    assigner = TumblingEventTimeWindows.of(Time.milliseconds(50))

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        windowed = layout.stream(environment, EVENTS, 300).key_by(lambda event: event.key).window(assigner)
        results = evaluated(windowed.allowed_lateness(100).side_output_late_data(LATE), "aggregate")
        return results.union(results.get_side_output(LATE))

    both = [tuple(each) for each in run(processes, layout, program)]
    expected, late = sliding_model(EVENTS, 50, 50, 300, 100)
    assert late, "a test of nothing"
    assert sorted(each for each in both if len(each) == len(Pane._fields)) == expected
    assert sorted(each for each in both if len(each) == len(Event._fields)) == sorted(late)


class Meeting(KeyedCoProcessFunction):
    """All of a key's numbers from both sides, in the end."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.numbers = runtime_context.get_list_state(ListStateDescriptor("numbers", Types.INT()))

    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> None:
        self.numbers.add(value[1])
        ctx.timer_service().register_event_time_timer(10_000)

    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> None:
        self.numbers.add(-value[1])
        ctx.timer_service().register_event_time_timer(10_000)

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> Iterator[Any]:
        yield ctx.get_current_key(), sorted(self.numbers)


def test_two_inputs(processes: MiniCluster) -> None:
    pair = Types.TUPLE([Types.INT(), Types.INT()])

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        stream = LAYOUT.stream(environment, EVENTS, 0)
        left = stream.map(lambda event: (event.key, event.value), pair).key_by(0)
        right = stream.rebalance().map(lambda event: (event.key, event.timestamp), pair).key_by(0)
        return left.connect(right).process(Meeting())

    numbers: dict[int, list[int]] = {}
    for event in EVENTS:
        numbers.setdefault(event.key, []).extend([event.value, -event.timestamp])
    assert sorted(run(processes, LAYOUT, program)) == sorted((key, sorted(all_)) for key, all_ in numbers.items())
