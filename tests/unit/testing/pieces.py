"""Pieces of programs that use all there is: windows, triggers, evictors, state, timers, joins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from millstream.common import Time, Types
from millstream.datastream import DataStream, OutputTag, TimeDomain, TimerService
from millstream.datastream.functions import (
    AggregateFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    KeyedStateFunction,
    ProcessJoinFunction,
    ProcessWindowFunction,
    RuntimeContext,
)
from millstream.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    ValueStateDescriptor,
)
from millstream.datastream.window import (
    ContinuousEventTimeTrigger,
    CountEvictor,
    CountTrigger,
    DynamicEventTimeSessionWindows,
    EventTimeSessionWindows,
    GlobalWindows,
    ProcessingTimeSessionWindows,
    PurgingTrigger,
    SessionWindowTimeGapExtractor,
    SlidingEventTimeWindows,
    SlidingProcessingTimeWindows,
    TimeEvictor,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)

SIDE = OutputTag("side")
LATE = OutputTag("late")
RULES = MapStateDescriptor("rules", Types.INT(), Types.INT())


def ms(length: int) -> Time:
    return Time.milliseconds(length)


def key_of(record: tuple[int, int]) -> int:
    return record[0]


def keyed(stream: DataStream) -> Any:
    return stream.key_by(key_of)


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return a[0], a[1] + b[1]


def _still_to_come(service: TimerService, time: int) -> int:
    """A time that the watermark has not reached: what is due already fires with the next watermark, whenever it comes,
    and after a failure one comes again.
    """
    return max(time, service.current_watermark() + 1)


class Collected(AggregateFunction):
    def create_accumulator(self) -> list[int]:
        return []

    def add(self, value: tuple[int, int], accumulator: list[int]) -> list[int]:
        accumulator.append(value[1])
        return accumulator

    def get_result(self, accumulator: list[int]) -> tuple[int, ...]:
        return tuple(accumulator)

    def merge(self, acc_a: list[int], acc_b: list[int]) -> list[int]:
        return acc_a + acc_b


class Mean(Collected):
    """For state of numbers."""

    def add(self, value: Any, accumulator: list[int]) -> list[int]:
        return [*accumulator, value]


class EveryState(KeyedProcessFunction):
    """Keeps state of each kind, sets and deletes timers of both kinds, and puts out what it sees."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.value = runtime_context.get_state(ValueStateDescriptor("value", Types.INT()))
        self.list = runtime_context.get_list_state(ListStateDescriptor("list", Types.INT()))
        self.map = runtime_context.get_map_state(MapStateDescriptor("map", Types.INT(), Types.INT()))
        reducing = ReducingStateDescriptor("reducing", lambda a, b: a + b, Types.INT())
        self.reducing = runtime_context.get_reducing_state(reducing)
        aggregating = AggregatingStateDescriptor("aggregating", Mean(), Types.PICKLED_BYTE_ARRAY())
        self.aggregating = runtime_context.get_aggregating_state(aggregating)

    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        number = value[1]
        service = ctx.timer_service()
        timestamp = ctx.timestamp()
        assert timestamp is not None
        self.value.update((self.value.value() or 0) + 1)
        self.list.add(number)
        self.map.put(number, (self.map.get(number) or 0) + 1)
        self.reducing.add(number)
        self.aggregating.add(number)
        service.register_event_time_timer(_still_to_come(service, timestamp // 50 * 50 + 50))
        service.register_processing_time_timer(service.current_processing_time() + 1 + 10 * number)
        if number == 3:
            service.delete_event_time_timer(_still_to_come(service, timestamp // 50 * 50 + 50))
        if number == 4:
            self.list.clear()
            self.map.clear()
            self.reducing.clear()
        yield ctx.get_current_key(), self.value.value(), service.current_watermark()
        yield SIDE, number

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Any]:
        event_time = ctx.time_domain() == TimeDomain.EVENT_TIME
        yield (
            ctx.get_current_key(),
            "event" if event_time else "processing",
            timestamp,
            list(self.list.get() or ()),
            sorted(self.map.items()),
            self.reducing.get(),
            self.aggregating.get(),
        )
        if event_time and timestamp < 300:
            ctx.timer_service().register_event_time_timer(timestamp + 70)


class BothSides(KeyedCoProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.seen = runtime_context.get_list_state(ListStateDescriptor("seen", Types.INT()))

    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Iterator[Any]:
        self.seen.add(value[1])
        service = ctx.timer_service()
        service.register_event_time_timer(_still_to_come(service, ctx.timestamp() or 0))
        yield 1, ctx.get_current_key(), list(self.seen)

    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Iterator[Any]:
        self.seen.add(-value[1])
        service = ctx.timer_service()
        service.register_processing_time_timer(service.current_processing_time() + 15)
        yield 2, ctx.get_current_key(), service.current_watermark()
        yield SIDE, value

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> Iterator[Any]:
        yield ctx.time_domain().name, timestamp, ctx.get_current_key(), list(self.seen)


class Ruled(KeyedBroadcastProcessFunction[Any, Any, Any, Any]):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.descriptor = ValueStateDescriptor("sum", Types.INT())
        self.sum = runtime_context.get_state(self.descriptor)

    def process_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Iterator[Any]:
        rules = ctx.get_broadcast_state(RULES)
        self.sum.update((self.sum.value() or 0) + value[1])
        service = ctx.timer_service()
        service.register_event_time_timer(_still_to_come(service, (ctx.timestamp() or 0) + 10))
        yield value, rules.get(value[0]) if rules.contains(value[0]) else None

    def process_broadcast_element(self, value: Any, ctx: KeyedBroadcastProcessFunction.Context) -> Iterator[Any]:
        state = ctx.get_broadcast_state(RULES)
        if value[1] == 0:
            state.remove(value[0])
        else:
            state.put(*value)
        sums: list[Any] = []

        class Summing(KeyedStateFunction[Any, Any]):
            def process(self, key: Any, state: Any) -> None:
                sums.append((key, state.value()))
                state.update(state.value() + 1)

        ctx.apply_to_keyed_state(self.descriptor, Summing())
        yield "rule", value, sorted(sums)

    def on_timer(self, timestamp: int, ctx: KeyedBroadcastProcessFunction.OnTimerContext) -> Iterator[Any]:
        rules = ctx.get_broadcast_state(RULES)
        yield timestamp, ctx.get_current_key(), self.sum.value(), sorted(rules.items())


class Joined(ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: ProcessJoinFunction.Context) -> Iterator[Any]:
        yield left, right, ctx.get_left_timestamp(), ctx.get_right_timestamp(), ctx.get_timestamp()
        yield SIDE, left


class Everything(ProcessWindowFunction[Any, Any, Any, Any]):
    """What it is called with, and how often the key's windows have fired, and this one."""

    def __init__(self, *, merging: bool = False) -> None:
        self.merging = merging

    def process(self, key: Any, context: ProcessWindowFunction.Context[Any], elements: Iterable[Any]) -> Iterator[Any]:
        counts = []
        for store in [context.global_state()] + ([] if self.merging else [context.window_state()]):
            state = store.get_state(ValueStateDescriptor("fired", Types.INT()))
            state.update((state.value() or 0) + 1)
            counts.append(state.value())
        yield key, str(context.window()), list(elements), counts
        yield SIDE, key

    def clear(self, context: ProcessWindowFunction.Context[Any]) -> None:
        if not self.merging:
            context.window_state().get_state(ValueStateDescriptor("fired", Types.INT())).clear()


def late(windowed: Any) -> Any:
    return windowed.allowed_lateness(25).side_output_late_data(LATE)


class Gap(SessionWindowTimeGapExtractor):
    def extract(self, element: Any) -> int:
        return 5 + 5 * int(element[1])


def dynamic(stream: DataStream) -> Any:
    assigner: Any = DynamicEventTimeSessionWindows.with_dynamic_gap(Gap())
    return keyed(stream).window(assigner)


ONE_INPUT: dict[str, Callable[[DataStream], DataStream]] = {
    "process": lambda s: keyed(s).process(EveryState()),
    "reduce": lambda s: keyed(s).reduce(add),
    "max_by": lambda s: keyed(s).max_by(1),
    "tumbling, reduce": lambda s: keyed(s).window(TumblingEventTimeWindows.of(ms(30))).reduce(add),
    "tumbling, late, process": lambda s: late(keyed(s).window(TumblingEventTimeWindows.of(ms(30)))).process(
        Everything()
    ),
    "sliding, aggregate": lambda s: keyed(s).window(SlidingEventTimeWindows.of(ms(40), ms(15))).aggregate(Collected()),
    "sliding, late, both": lambda s: late(keyed(s).window(SlidingEventTimeWindows.of(ms(40), ms(15)))).aggregate(
        Collected(), Everything()
    ),
    "all, late": lambda s: late(s.window_all(TumblingEventTimeWindows.of(ms(30)))).reduce(add),
    "sessions, late, both": lambda s: late(keyed(s).window(EventTimeSessionWindows.with_gap(ms(20)))).aggregate(
        Collected(), Everything(merging=True)
    ),
    "sessions, process": lambda s: (
        keyed(s).window(EventTimeSessionWindows.with_gap(ms(20))).process(Everything(merging=True))
    ),
    "dynamic sessions": lambda s: late(dynamic(s)).process(Everything(merging=True)),
    "processing time": lambda s: keyed(s).window(TumblingProcessingTimeWindows.of(ms(30))).process(Everything()),
    "processing time, sliding": lambda s: (
        keyed(s).window(SlidingProcessingTimeWindows.of(ms(40), ms(20))).aggregate(Collected())
    ),
    "processing time, sessions": lambda s: (
        keyed(s).window(ProcessingTimeSessionWindows.with_gap(ms(30))).aggregate(Collected())
    ),
    "count windows": lambda s: keyed(s).count_window(3).aggregate(Collected()),
    "sliding count windows": lambda s: keyed(s).count_window(4, 2).process(Everything()),
    "global, count trigger": lambda s: (
        keyed(s).window(GlobalWindows.create()).trigger(CountTrigger.of(3)).process(Everything())
    ),
    "purging": lambda s: (
        keyed(s)
        .window(TumblingEventTimeWindows.of(ms(60)))
        .trigger(PurgingTrigger.of(CountTrigger.of(2)))
        .process(Everything())
    ),
    "continuous": lambda s: (
        keyed(s).window(TumblingEventTimeWindows.of(ms(100))).trigger(ContinuousEventTimeTrigger.of(ms(20))).reduce(add)
    ),
    "continuous, sessions": lambda s: (
        keyed(s)
        .window(EventTimeSessionWindows.with_gap(ms(30)))
        .trigger(ContinuousEventTimeTrigger.of(ms(20)))
        .aggregate(Collected())
    ),
    "evictor": lambda s: (
        keyed(s).window(TumblingEventTimeWindows.of(ms(60))).evictor(CountEvictor.of(2)).process(Everything())
    ),
    "evictor, incremental": lambda s: (
        late(keyed(s).window(SlidingEventTimeWindows.of(ms(60), ms(20))))
        .evictor(TimeEvictor.of(ms(15)))
        .aggregate(Collected(), Everything())
    ),
}

TWO_INPUTS: dict[str, Callable[[DataStream, DataStream], DataStream]] = {
    "co process": lambda a, b: keyed(a).connect(keyed(b)).process(BothSides()),
    "broadcast": lambda a, b: keyed(a).connect(b.broadcast(RULES)).process(Ruled()),
    "interval join": lambda a, b: (
        keyed(a).interval_join(keyed(b)).between(ms(-20), ms(10)).side_output_left_late_data(LATE).process(Joined())
    ),
    "window join": lambda a, b: (
        a.join(b)
        .where(key_of)
        .equal_to(key_of)
        .window(TumblingEventTimeWindows.of(ms(40)))
        .apply(lambda left, right: (left, right))
    ),
    "co group": lambda a, b: (
        a.co_group(b)
        .where(key_of)
        .equal_to(key_of)
        .window(EventTimeSessionWindows.with_gap(ms(15)))
        .apply(lambda left, right: [(sorted(left), sorted(right))])
    ),
    "union, then windows": lambda a, b: (
        keyed(a.union(b)).window(SlidingEventTimeWindows.of(ms(40), ms(20))).aggregate(Collected())
    ),
}
