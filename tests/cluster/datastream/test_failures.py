"""Wherever a user's code fails, the first line of the job's failure says what, where, and on which record."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Time, Types, WatermarkStrategy
from millstream.common.errors import JobExecutionError
from millstream.common.watermark_strategy import WatermarkGenerator, WatermarkOutput
from millstream.datastream import AsyncDataStream, DataStream, StreamExecutionEnvironment
from millstream.datastream.functions import (
    AggregateFunction,
    AsyncFunction,
    BroadcastProcessFunction,
    CoMapFunction,
    CoProcessFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    MapFunction,
    ProcessFunction,
    ProcessJoinFunction,
    ProcessWindowFunction,
    RuntimeContext,
    SinkFunction,
    SourceContext,
    SourceFunction,
)
from millstream.datastream.state import MapStateDescriptor
from millstream.datastream.window import (
    EventTimeSessionWindows,
    Evictor,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
)
from millstream.testing import environment_for
from tests.cluster.datastream.jobs import Layout, run, watermark_after_each
from tests.cluster.datastream.reference import Event

EVENTS = [Event(1, 10, 5), Event(2, 20, 6), Event(1, 30, 27)]
BAD = EVENTS[1]


def fail() -> NoReturn:
    raise LookupError("told to fail")


LINE = f"{__file__}:{fail.__code__.co_firstlineno + 1}"


def fail_on_bad(value: Any) -> Any:
    if BAD in (value if type(value) is list else [value]):
        fail()
    return value


class FailingProcess(ProcessFunction):
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[Any]:
        yield fail_on_bad(value)


class FailingReturning(ProcessFunction):
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Any:
        return [fail_on_bad(value)]


class FailingCollecting(KeyedProcessFunction):
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context, out: Any) -> None:  # type: ignore[override]  # Flink's style
        out.collect(fail_on_bad(value))


class FailingOnTimer(KeyedProcessFunction):
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> None:
        ctx.timer_service().register_event_time_timer(value.timestamp + 5)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        if ctx.get_current_key() == BAD.key:
            fail()
        yield timestamp


class FailingOnProcessingTimer(FailingOnTimer):
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> None:
        service = ctx.timer_service()
        service.register_processing_time_timer(service.current_processing_time() + 1)


class FailingOpen(MapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        fail()

    def map(self, value: Any) -> Any:
        return value


class FailingClose(MapFunction):
    def map(self, value: Any) -> Any:
        return value

    def close(self) -> None:
        fail()


class FailingCoMap(CoMapFunction):
    def map1(self, value: Any) -> Any:
        return value

    def map2(self, value: Any) -> Any:
        return fail_on_bad(value)


class FailingCoProcess(CoProcessFunction):
    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Iterator[Any]:
        yield fail_on_bad(value)

    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> None:
        pass


class FailingKeyedCoProcess(KeyedCoProcessFunction):
    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> None:
        ctx.timer_service().register_event_time_timer(value.timestamp + 5)

    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> None:
        pass

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> None:
        fail()


class FailingBroadcast(BroadcastProcessFunction[Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> None:
        pass

    def process_broadcast_element(self, value: Any, ctx: Any) -> None:
        fail_on_bad(value)


class FailingKeyedBroadcast(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def process_element(self, value: Any, ctx: Any) -> Any:
        return [fail_on_bad(value)]

    def process_broadcast_element(self, value: Any, ctx: Any) -> None:
        pass


class FailingJoin(ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: Any) -> Any:
        fail_on_bad(left)
        yield left, right


class FailingAdd(AggregateFunction):
    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        fail_on_bad(value)
        return accumulator

    def get_result(self, accumulator: int) -> int:
        return accumulator

    def merge(self, acc_a: int, acc_b: int) -> int:
        return acc_a + acc_b


class FailingResult(FailingAdd):
    def add(self, value: Event, accumulator: int) -> int:
        return value.key

    def get_result(self, accumulator: int) -> int:
        if accumulator == BAD.key:
            fail()
        return accumulator


class FailingWindow(ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        yield fail_on_bad(list(elements))


class FailingClear(ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        yield key

    def clear(self, context: Any) -> None:
        fail()


class FailingTrigger(Trigger[Any, Any]):
    def __init__(self, method: str) -> None:
        self.method = method

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: Any) -> TriggerResult:
        if self.method == "on_element":
            fail_on_bad(element)
        ctx.register_event_time_timer(window.max_timestamp())
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:
        if self.method == "on_event_time":
            fail()
        return TriggerResult.FIRE

    def on_processing_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:
        return TriggerResult.CONTINUE

    def on_merge(self, window: Any, ctx: Any) -> None:
        pass

    def clear(self, window: Any, ctx: Any) -> None:
        if self.method == "clear":
            fail()


class FailingEvictor(Evictor[Any, Any]):
    def evict_before(self, elements: Any, size: int, window: Any, evictor_context: Any) -> None:
        fail()

    def evict_after(self, elements: Any, size: int, window: Any, evictor_context: Any) -> None:
        pass


class FailingAsync(AsyncFunction[Any, Any]):
    async def async_invoke(self, value: Any) -> list[Any]:
        await asyncio.sleep(0)
        return [fail_on_bad(value)]


class FailingTimeout(AsyncFunction[Any, Any]):
    async def async_invoke(self, value: Any) -> list[Any]:
        if value == BAD:
            await asyncio.sleep(60)
        return [value]

    def timeout(self, value: Any) -> list[Any]:
        fail()


class FailingGenerator(WatermarkGenerator):
    def on_event(self, event: Any, event_timestamp: int, output: WatermarkOutput) -> None:
        fail_on_bad(event)

    def on_periodic_emit(self, output: WatermarkOutput) -> None:
        pass


class FailingSink(SinkFunction):
    def invoke(self, value: Any, context: Any) -> None:
        fail_on_bad(value)


class FailingSource(SourceFunction):
    def run(self, ctx: SourceContext) -> None:
        fail()

    def cancel(self) -> None:
        pass


class Waiting(SourceFunction):
    """Emits one record and stays."""

    def run(self, ctx: SourceContext) -> None:
        ctx.collect(BAD)
        self.running = True
        while self.running:
            time.sleep(0.005)

    def cancel(self) -> None:
        self.running = False


def stream(environment: StreamExecutionEnvironment) -> DataStream:
    return environment.from_collection(EVENTS).assign_timestamps_and_watermarks(watermark_after_each())


def keyed(environment: StreamExecutionEnvironment) -> Any:
    return stream(environment).key_by(lambda event: event.key)


def windowed(environment: StreamExecutionEnvironment) -> Any:
    return keyed(environment).window(TumblingEventTimeWindows.of(Time.milliseconds(10)))


def sessions(environment: StreamExecutionEnvironment) -> Any:
    return keyed(environment).window(EventTimeSessionWindows.with_gap(Time.milliseconds(10)))


def waited(
    environment: StreamExecutionEnvironment, function: AsyncFunction[Any, Any], timeout_ms: int = 5000
) -> DataStream:
    return AsyncDataStream.unordered_wait(stream(environment), function, Time.milliseconds(timeout_ms))


def failing_timestamp(event: Event) -> int:
    fail_on_bad(event)
    return event.timestamp


@dataclass(frozen=True)
class Case:
    """A job that fails.

    :ivar phase: the method that the failure names; ``a|b``: one of these.
    :ivar record: it names the record.
    """

    program: Callable[[StreamExecutionEnvironment], Any]
    phase: str
    record: bool = True


CASES: dict[str, Case] = {
    "map": Case(lambda env: stream(env).map(fail_on_bad), "map"),
    "flat_map": Case(lambda env: stream(env).flat_map(lambda event: [fail_on_bad(event)]), "flat_map"),
    "filter": Case(lambda env: stream(env).filter(fail_on_bad), "filter"),
    "keyed map": Case(lambda env: keyed(env).map(fail_on_bad), "map"),
    "reduce": Case(lambda env: stream(env).key_by(lambda event: 0).reduce(lambda a, b: fail_on_bad(b)), "reduce"),
    "open": Case(lambda env: stream(env).map(FailingOpen()), "open", record=False),
    "close": Case(lambda env: stream(env).map(FailingClose()), "close", record=False),
    "process_element, generator": Case(lambda env: stream(env).process(FailingProcess()), "process_element"),
    "process_element, list": Case(lambda env: stream(env).process(FailingReturning()), "process_element"),
    "process_element, collector": Case(lambda env: keyed(env).process(FailingCollecting()), "process_element"),
    "on_timer": Case(lambda env: keyed(env).process(FailingOnTimer()), "on_timer", record=False),
    "co map": Case(lambda env: stream(env).connect(stream(env)).map(FailingCoMap()), "map2"),
    "co process": Case(lambda env: stream(env).connect(stream(env)).process(FailingCoProcess()), "process_element1"),
    "co on_timer": Case(
        lambda env: keyed(env).connect(keyed(env)).process(FailingKeyedCoProcess()), "on_timer", record=False
    ),
    "interval join": Case(
        lambda env: (
            keyed(env)
            .interval_join(keyed(env))
            .between(Time.milliseconds(-3), Time.milliseconds(3))
            .process(FailingJoin())
        ),
        "process_element",
    ),
    "window reduce": Case(
        lambda env: (
            stream(env)
            .key_by(lambda event: 0)
            .window(TumblingEventTimeWindows.of(Time.milliseconds(10)))
            .reduce(lambda a, b: fail_on_bad(b))
        ),
        "reduce",
    ),
    "add": Case(lambda env: windowed(env).aggregate(FailingAdd()), "add"),
    "add, sessions": Case(lambda env: sessions(env).aggregate(FailingAdd()), "add"),
    "get_result": Case(lambda env: windowed(env).aggregate(FailingResult()), "get_result", record=False),
    "get_result, sessions": Case(lambda env: sessions(env).aggregate(FailingResult()), "get_result", record=False),
    "window process": Case(lambda env: windowed(env).process(FailingWindow()), "process", record=False),
    "window process, sessions": Case(lambda env: sessions(env).process(FailingWindow()), "process", record=False),
    "window clear": Case(lambda env: windowed(env).process(FailingClear()), "clear", record=False),
    "trigger on_element": Case(
        lambda env: windowed(env).trigger(FailingTrigger("on_element")).aggregate(FailingResult()), "on_element"
    ),
    "trigger on_event_time": Case(
        lambda env: windowed(env).trigger(FailingTrigger("on_event_time")).process(FailingWindow()),
        "on_event_time",
        record=False,
    ),
    "trigger clear": Case(
        lambda env: windowed(env).trigger(FailingTrigger("clear")).process(FailingClear()), "clear", record=False
    ),
    "evictor": Case(
        lambda env: windowed(env).evictor(FailingEvictor()).process(FailingWindow()), "evict_before", record=False
    ),
    "async": Case(lambda env: waited(env, FailingAsync()), "async_invoke"),
    "async timeout": Case(lambda env: waited(env, FailingTimeout(), 20), "timeout"),
    "timestamp assigner": Case(
        lambda env: stream(env).assign_timestamps_and_watermarks(
            WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(failing_timestamp)
        ),
        "extract_timestamp",
    ),
    "watermark generator": Case(
        lambda env: stream(env).assign_timestamps_and_watermarks(WatermarkStrategy.for_generator(FailingGenerator())),
        "on_event",
    ),
}


def first_line(cluster: MiniCluster, layout: Layout, program: Callable[[StreamExecutionEnvironment], Any]) -> str:
    with pytest.raises(JobExecutionError) as caught:
        run(cluster, layout, program)
    return str(caught.value).splitlines()[0]


@pytest.mark.parametrize("layout", [Layout(1, True, 100, "one"), Layout(2, False, 0, "one")], ids=["chained", "apart"])
@pytest.mark.parametrize("name", CASES)
def test_a_failure_says_where(mini_cluster: MiniCluster, name: str, layout: Layout) -> None:
    case = CASES[name]
    found = first_line(mini_cluster, layout, lambda env: case.program(env).name("victim"))
    assert found.startswith("LookupError: told to fail | operator 'victim' (")
    assert f"operator 'victim' ({case.phase}), subtask " in found
    assert found.endswith(LINE)
    if case.record:
        assert re.search(rf" \| record \(?{re.escape(repr(BAD))}", found)


def test_a_processing_time_timer(mini_cluster: MiniCluster) -> None:
    def program(environment: StreamExecutionEnvironment) -> DataStream:
        source = environment.add_source(Waiting())
        return source.key_by(lambda event: event.key).process(FailingOnProcessingTimer()).name("victim")

    found = first_line(mini_cluster, Layout(1, True, 0, "one"), program)
    assert "LookupError: told to fail | operator 'victim' (on_timer), subtask 1/1" in found
    assert found.endswith(LINE)


@pytest.mark.parametrize(
    ("function", "phase"),
    [(FailingBroadcast(), "process_broadcast_element"), (FailingKeyedBroadcast(), "process_element")],
)
def test_a_broadcast_function(mini_cluster: MiniCluster, function: Any, phase: str) -> None:
    def program(environment: StreamExecutionEnvironment) -> DataStream:
        rules = stream(environment).broadcast(MapStateDescriptor("rules", Types.INT(), Types.INT()))
        left = keyed(environment) if isinstance(function, FailingKeyedBroadcast) else stream(environment)
        processed: DataStream = left.connect(rules).process(function)
        return processed.name("victim")

    found = first_line(mini_cluster, Layout(2, True, 0, "one"), program)
    assert found.startswith(f"LookupError: told to fail | operator 'victim' ({phase}), subtask ")
    assert f"record {BAD!r}" in found
    assert found.endswith(LINE)


@pytest.mark.parametrize("chaining", [True, False])
def test_a_key_selector(mini_cluster: MiniCluster, chaining: bool) -> None:
    """It is called where records are sent off, so the sender is named."""

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        return stream(environment).name("sender").key_by(fail_on_bad).map(lambda event: event)

    found = first_line(mini_cluster, Layout(2, chaining, 0, "one"), program)
    assert "LookupError: told to fail | " in found
    assert "(key_by)" in found
    assert f"record {BAD!r}" in found
    assert found.endswith(LINE)


@pytest.mark.parametrize(
    ("program", "phase"),
    [
        (lambda env: stream(env).add_sink(FailingSink()), "invoke"),
        (lambda env: env.add_source(FailingSource()).print(), "run"),
    ],
    ids=["sink", "source"],
)
def test_the_ends(mini_cluster: MiniCluster, program: Any, phase: str) -> None:
    with environment_for(mini_cluster) as environment:
        program(environment)
        with pytest.raises(JobExecutionError) as caught:
            environment.execute()
    found = str(caught.value).splitlines()[0]
    assert "LookupError: told to fail | operator " in found
    assert f"({phase})" in found
    assert found.endswith(LINE)
