"""The functions of a job's stage with state. What they give, line by line, is what the model in
:mod:`~millstream.testing.simulation.expected_output` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from millstream.datastream.functions import (
    AggregateFunction,
    JoinFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    ProcessJoinFunction,
    ProcessWindowFunction,
    ReduceFunction,
    RuntimeContext,
)
from millstream.datastream.state import MapStateDescriptor, ValueStateDescriptor
from millstream.testing.simulation.events import Event
from millstream.testing.simulation.observations import observations

__all__ = [
    "RULES",
    "BucketTotals",
    "CoBucketTotals",
    "FoldedLine",
    "Folding",
    "JoinLine",
    "PairLine",
    "Ruled",
    "RunningTotals",
    "SumOfCounted",
    "SumOfTwo",
    "WindowLine",
    "amount_of",
    "counted",
    "late_line",
    "next_total",
    "rolled_line",
]

RULES = MapStateDescriptor("rules")
_THE_END_MS = 2**62
"""A timer that comes with the last watermark."""

Amount = tuple[int, int, int]
"""Key, number of events, sum."""


def next_total(total: int, amount: int) -> int:
    """Return a sum in which the order shows."""
    return (total * 31 + amount) % 1_000_000_007


class RunningTotals(KeyedProcessFunction):
    """See :class:`~millstream.testing.simulation.job_spec.TotalsStage`."""

    def __init__(self, every: int) -> None:
        self._every = every

    def open(self, runtime_context: RuntimeContext) -> None:
        self._totals: Any = runtime_context.get_map_state(MapStateDescriptor("totals"))

    def process_element(self, value: Event, ctx: Any) -> Iterator[str]:
        count, total = self._totals.get(value.stream) or (0, 0)
        count, total = count + 1, next_total(total, value.amount)
        self._totals.put(value.stream, (count, total))
        if count % self._every == 0:
            yield f"total {value.stream} {value.key} {count} {total}"


def amount_of(value: Event) -> Amount:
    """Return what reduces add up."""
    return value.key, 1, value.amount


class SumOfTwo(ReduceFunction):
    """Adds amounts."""

    def reduce(self, value1: Amount, value2: Amount) -> Amount:
        return value1[0], value1[1] + value2[1], value1[2] + value2[2]


def rolled_line(value: Amount) -> str:
    """Return the line of a rolling reduce."""
    return f"reduced {value[0]} {value[1]} {value[2]}"


class _Buckets:
    """Totals per bucket of the current key; it is no function itself."""

    def __init__(self, bucket_ms: int) -> None:
        self._bucket_ms = bucket_ms

    def open(self, runtime_context: RuntimeContext) -> None:
        self._totals: Any = runtime_context.get_map_state(MapStateDescriptor("buckets"))

    def add(self, value: Event, ctx: Any) -> None:
        end = value.timestamp - value.timestamp % self._bucket_ms + self._bucket_ms
        count, total = self._totals.get(end) or (0, 0)
        self._totals.put(end, (count + 1, total + value.amount))
        ctx.timer_service().register_event_time_timer(end - 1)

    def line(self, timestamp: int, ctx: Any) -> str:
        watermark = ctx.timer_service().current_watermark()
        if watermark < timestamp:
            raise observations().complain("I7", f"a timer for {timestamp} came when the watermark was {watermark}")
        count, total = self._totals.get(timestamp + 1)
        self._totals.remove(timestamp + 1)
        return f"bucket {ctx.get_current_key()} {timestamp + 1} {count} {total}"


class BucketTotals(KeyedProcessFunction):
    """See :class:`~millstream.testing.simulation.job_spec.TimersStage`."""

    def __init__(self, bucket_ms: int) -> None:
        self._buckets = _Buckets(bucket_ms)

    def open(self, runtime_context: RuntimeContext) -> None:
        self._buckets.open(runtime_context)

    def process_element(self, value: Event, ctx: Any) -> None:
        self._buckets.add(value, ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[str]:
        yield self._buckets.line(timestamp, ctx)


class CoBucketTotals(KeyedCoProcessFunction):
    """See :class:`~millstream.testing.simulation.job_spec.CoTotalsStage`."""

    def __init__(self, bucket_ms: int) -> None:
        self._buckets = _Buckets(bucket_ms)

    def open(self, runtime_context: RuntimeContext) -> None:
        self._buckets.open(runtime_context)

    def process_element1(self, value: Event, ctx: Any) -> None:
        self._buckets.add(value, ctx)

    def process_element2(self, value: Event, ctx: Any) -> None:
        self._buckets.add(value, ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[str]:
        yield self._buckets.line(timestamp, ctx)


class Folding(AggregateFunction):
    """Adds events up."""

    def create_accumulator(self) -> tuple[int, int]:
        return 0, 0

    def add(self, value: Event, accumulator: tuple[int, int]) -> tuple[int, int]:
        return accumulator[0] + 1, accumulator[1] + value.amount

    def get_result(self, accumulator: tuple[int, int]) -> tuple[int, int]:
        return accumulator

    def merge(self, acc_a: tuple[int, int], acc_b: tuple[int, int]) -> tuple[int, int]:
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


def _window_line(key: int, window: Any, count: int, total: int) -> str:
    return f"window {key} {window.start} {window.end} {count} {total}"


class FoldedLine(ProcessWindowFunction[Any, str, int, Any]):
    """The line of a window that was folded: of anything that ends with count and sum."""

    def process(self, key: int, context: Any, elements: Iterable[Any]) -> Iterator[str]:
        for folded in elements:
            yield _window_line(key, context.window(), folded[-2], folded[-1])


class WindowLine(ProcessWindowFunction[Any, str, int, Any]):
    """The line of a window that has kept its events."""

    def process(self, key: int, context: Any, elements: Iterable[Event]) -> Iterator[str]:
        amounts = [one.amount for one in elements]
        yield _window_line(key, context.window(), len(amounts), sum(amounts))


Counted = tuple[str, int, int, int, int, int]
"""An event's stream, number, copy and key; number of events, sum."""


def counted(value: Event) -> Counted:
    """Return what windows reduce."""
    return value.stream, value.number, value.copy, value.key, 1, value.amount


class SumOfCounted(ReduceFunction):
    """Adds up what windows reduce."""

    def reduce(self, value1: Counted, value2: Counted) -> Counted:
        return (*value1[:4], value1[4] + value2[4], value1[5] + value2[5])


def late_line(value: Event | Counted) -> str:
    """Return the line of an event that came too late for its windows."""
    return f"late {value[0]} {value[1]} {value[2]}"


def _pair(first: Event, second: Event) -> str:
    return f"pair {first.key} {first.number} {first.copy} {second.number} {second.copy}"


class PairLine(JoinFunction):
    """The line of a pair of a window join."""

    def join(self, value1: Event, value2: Event) -> str:
        return _pair(value1, value2)


class JoinLine(ProcessJoinFunction):
    """The line of a pair of an interval join."""

    def process_element(self, left: Event, right: Event, ctx: Any) -> Iterator[str]:
        yield _pair(left, right)


class Ruled(KeyedBroadcastProcessFunction[Any, Any, Any, str]):
    """See :class:`~millstream.testing.simulation.job_spec.BroadcastStage`."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self._total: Any = runtime_context.get_state(ValueStateDescriptor("total"))

    def process_element(self, value: Event, ctx: Any) -> None:
        count, total = self._total.value() or (0, 0)
        self._total.update((count + 1, total + value.amount))
        ctx.timer_service().register_event_time_timer(_THE_END_MS)

    def process_broadcast_element(self, value: Event, ctx: Any) -> None:
        rules = ctx.get_broadcast_state(RULES)
        place = f"{value.number} {value.copy}"
        if rules.contains(place):
            raise observations().complain("I2", f"the rule {place} is seen again")
        rules.put(place, value.amount)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[str]:
        count, total = self._total.value()
        amounts = [amount for _, amount in ctx.get_broadcast_state(RULES).items()]
        yield f"ruled {ctx.get_current_key()} {count} {total} {len(amounts)} {sum(amounts)}"
