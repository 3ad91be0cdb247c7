"""Jobs that bring streams together, on a small cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Time, Types, WatermarkStrategy
from millstream.common.errors import JobExecutionError
from millstream.common.watermark_strategy import TimestampAssigner
from millstream.datastream import (
    BroadcastProcessFunction,
    CoFlatMapFunction,
    CoMapFunction,
    CoProcessFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    OutputTag,
    ProcessJoinFunction,
    RuntimeContext,
    RuntimeExecutionMode,
    StreamExecutionEnvironment,
)
from millstream.datastream.state import MapStateDescriptor, ValueStateDescriptor
from millstream.datastream.window import TumblingEventTimeWindows
from millstream.testing import environment_for

RULES = MapStateDescriptor("rules", Types.INT(), Types.STRING())


class PlusMinus(CoFlatMapFunction):
    def flat_map1(self, value: int) -> Iterator[int]:
        yield value + 1

    def flat_map2(self, value: int) -> Iterator[int]:
        yield value - 1


class PlusTwoOne(CoMapFunction):
    def map1(self, value: int) -> int:
        return value + 2

    def map2(self, value: int) -> int:
        return value + 1


class Second(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return int(value[1])


IN_ORDER = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Second())


def test_co_map_and_co_flat_map(environment: StreamExecutionEnvironment) -> None:
    first = environment.from_collection([1, 2, 3, 4, 5])
    second = first.map(lambda x: x * 2)
    results = first.connect(second).flat_map(PlusMinus()).connect(second).map(PlusTwoOne()).execute_and_collect()
    assert sorted(results) == [3, 3, 4, 5, 5, 5, 6, 7, 7, 7, 8, 9, 9, 11, 11]


def test_a_stream_connected_to_itself(environment: StreamExecutionEnvironment) -> None:
    stream = environment.from_collection([1, 2, 3])
    assert sorted(stream.connect(stream).flat_map(PlusMinus()).execute_and_collect()) == [0, 1, 2, 2, 3, 4]
    keyed = environment.from_collection([1, 2, 3]).key_by(lambda v: v % 2)
    assert sorted(keyed.connect(keyed).flat_map(PlusMinus()).execute_and_collect()) == [0, 1, 2, 2, 3, 4]


class Counting(KeyedCoProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.INT()))

    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Iterator[Any]:
        ctx.timer_service().register_event_time_timer(3)
        return self._counted(value)

    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Iterator[Any]:
        return self._counted(value)

    def _counted(self, value: Any) -> Iterator[Any]:
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        yield value[0], count

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> Iterator[Any]:
        yield "timer", timestamp, ctx.get_current_key()


@pytest.mark.parametrize("mode", [RuntimeExecutionMode.STREAMING, RuntimeExecutionMode.BATCH])
@pytest.mark.parametrize("parallelism", [1, 3])
def test_keyed_co_process(
    environment: StreamExecutionEnvironment, mode: RuntimeExecutionMode, parallelism: int
) -> None:
    environment.set_parallelism(parallelism)
    environment.set_runtime_mode(mode)
    first = environment.from_collection([("a", 1), ("b", 2), ("c", 3)]).assign_timestamps_and_watermarks(IN_ORDER)
    second = environment.from_collection([("b", 2), ("c", 3), ("d", 4)]).assign_timestamps_and_watermarks(IN_ORDER)
    results = first.connect(second).key_by(0, 0).process(Counting()).execute_and_collect()
    timers = [("timer", 3, key) for key in "abc"]
    assert sorted(results, key=str) == sorted(
        [("a", 1), ("b", 1), ("b", 2), ("c", 1), ("c", 2), ("d", 1), *timers], key=str
    )


class Sides(CoProcessFunction):
    tag = OutputTag("side", Types.INT())

    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield value[0]
        yield self.tag, value[1]

    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield value[1]
        yield self.tag, value[0]


def test_side_outputs_of_two_inputs(environment: StreamExecutionEnvironment) -> None:
    first = environment.from_collection([("a", 0), ("b", 1)], Types.ROW([Types.STRING(), Types.INT()]))
    second = environment.from_collection([(3, "c")], Types.ROW([Types.INT(), Types.STRING()]))
    stream = first.connect(second).process(Sides(), Types.STRING())
    assert sorted(stream.get_side_output(Sides.tag).execute_and_collect()) == [0, 1, 3]


class Apply(BroadcastProcessFunction[Any, Any, Any]):
    """Keeps records until there is a rule for them."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.waiting: list[int] = []

    def process_element(self, value: int, ctx: BroadcastProcessFunction.ReadOnlyContext) -> Iterator[str]:
        rule = ctx.get_broadcast_state(RULES).get(value % 2)
        if rule is None:
            self.waiting.append(value)
        else:
            yield f"{rule}{value}"

    def process_broadcast_element(self, value: Any, ctx: BroadcastProcessFunction.Context) -> Iterator[str]:
        ctx.get_broadcast_state(RULES).put(*value)
        yield f"{value[0]}{value[1]}"
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            if each % 2 == value[0]:
                yield f"{value[1]}{each}"
            else:
                self.waiting.append(each)


@pytest.mark.parametrize("mode", [RuntimeExecutionMode.STREAMING, RuntimeExecutionMode.BATCH])
def test_every_subtask_gets_the_rules(environment: StreamExecutionEnvironment, mode: RuntimeExecutionMode) -> None:
    environment.set_parallelism(2)
    environment.set_runtime_mode(mode)
    rules = environment.from_collection([(0, "a"), (1, "b")]).broadcast(RULES)
    results = environment.from_collection([1, 2, 3, 4, 5]).connect(rules).process(Apply()).execute_and_collect()
    assert sorted(results) == ["0a", "0a", "1b", "1b", "a2", "a4", "b1", "b3", "b5"]


class KeyedApply(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.descriptor = ValueStateDescriptor("sum", Types.INT())
        self.sum = runtime_context.get_state(self.descriptor)

    def process_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Iterator[Any]:
        self.sum.update((self.sum.value() or 0) + value[1])
        ctx.timer_service().register_event_time_timer(1000)
        yield from ()

    def process_broadcast_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.Context) -> Iterator[Any]:
        ctx.get_broadcast_state(RULES).put(0, value)
        yield from ()

    def on_timer(self, timestamp: int, ctx: KeyedBroadcastProcessFunction.OnTimerContext) -> Iterator[Any]:
        yield ctx.get_current_key(), self.sum.value(), ctx.get_broadcast_state(RULES).get(0)


def test_keyed_state_beside_broadcast_state(environment: StreamExecutionEnvironment) -> None:
    environment.set_parallelism(2)
    values = environment.from_collection([("a", 1), ("b", 2), ("a", 3)]).assign_timestamps_and_watermarks(IN_ORDER)
    rules = environment.from_collection(["rule"]).broadcast(RULES)
    results = values.key_by(0).connect(rules).process(KeyedApply()).execute_and_collect()
    assert sorted(results) == [("a", 4, "rule"), ("b", 2, "rule")]


class Pairs(ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: ProcessJoinFunction.Context) -> Iterator[Any]:
        yield left, right


RECORDS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=30)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RECORDS, RECORDS, st.integers(-10, 10), st.integers(0, 10), st.integers(1, 3), st.booleans())
def test_an_interval_join_finds_all_pairs(
    mini_cluster: MiniCluster,
    left: list[tuple[int, int]],
    right: list[tuple[int, int]],
    lower: int,
    span: int,
    parallelism: int,
    chaining: bool,
) -> None:
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Time.milliseconds(60)).with_timestamp_assigner(Second())
    with environment_for(mini_cluster) as environment:
        environment.set_parallelism(parallelism)
        if not chaining:
            environment.disable_operator_chaining()
        first, second = (
            environment.from_collection(records, Types.TUPLE([Types.INT(), Types.INT()]))
            .assign_timestamps_and_watermarks(strategy)
            .key_by(0)
            for records in (left, right)
        )
        joined = first.interval_join(second).between(lower, lower + span).process(Pairs())
        found = sorted(joined.execute_and_collect())
    expected = [(a, b) for a in left for b in right if a[0] == b[0] and lower <= b[1] - a[1] <= lower + span]
    assert found == sorted(expected)


@pytest.mark.parametrize("mode", [RuntimeExecutionMode.STREAMING, RuntimeExecutionMode.BATCH])
def test_window_join_and_co_group(environment: StreamExecutionEnvironment, mode: RuntimeExecutionMode) -> None:
    environment.set_parallelism(2)
    environment.set_runtime_mode(mode)
    first = environment.from_collection([("a", 1), ("b", 2), ("a", 1001)]).assign_timestamps_and_watermarks(IN_ORDER)
    second = environment.from_collection([("a", 3), ("c", 4)]).assign_timestamps_and_watermarks(IN_ORDER)
    windows: Any = TumblingEventTimeWindows.of(Time.seconds(1))
    joined = first.join(second).where(0).equal_to(0).window(windows).apply(lambda a, b: (a[1], b[1]))
    assert list(joined.execute_and_collect()) == [(1, 3)]
    grouped = first.co_group(second).where(0).equal_to(0).window(windows).apply(lambda a, b: [(len(a), len(b))])
    assert sorted(grouped.execute_and_collect()) == [(0, 1), (1, 0), (1, 0), (1, 1)]


def test_split(environment: StreamExecutionEnvironment) -> None:
    split = environment.from_sequence(1, 6).split(lambda v: ["even"] if v % 2 == 0 else ["odd", "small"][: 1 + (v < 3)])
    both = split.select("even").map(lambda v: ("even", v)).union(split.select("small", "odd").map(lambda v: ("odd", v)))
    assert sorted(both.execute_and_collect()) == [
        ("even", 2),
        ("even", 4),
        ("even", 6),
        ("odd", 1),
        ("odd", 3),
        ("odd", 5),
    ]


class FailsOnTimer(KeyedCoProcessFunction):
    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        ctx.timer_service().register_event_time_timer(5)

    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        return None

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> Any:
        raise ValueError("no such day")  # here


def test_a_failure_in_a_timer(environment: StreamExecutionEnvironment) -> None:
    stream = environment.from_collection([("a", 1)])
    stream.connect(stream).key_by(0, 0).process(FailsOnTimer()).print()
    with pytest.raises(JobExecutionError) as caught:
        environment.execute()
    text = str(caught.value)
    assert all(
        each in text for each in ("no such day", "Keyed Co-Process", "on_timer", "timer 5 of key 'a'", __file__)
    ), text


def test_a_failure_in_a_join_function(environment: StreamExecutionEnvironment) -> None:
    stream = environment.from_collection([("a", 1)]).assign_timestamps_and_watermarks(IN_ORDER)
    windows: Any = TumblingEventTimeWindows.of(Time.seconds(1))
    stream.join(stream).where(0).equal_to(0).window(windows).apply(lambda a, b: a[1] // 0).print()
    with pytest.raises(JobExecutionError) as caught:
        environment.execute()
    text = str(caught.value)
    assert all(each in text for each in ("ZeroDivisionError", "'Join'", __file__)), text
