"""The functions of checked jobs. Whoever sees loss, repetition, disorder, damage or a stranger says so at once, and not
first the comparison at the end: a restart that happens to go well must not hide it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from millstream.common.key_groups import key_group, operator_index
from millstream.datastream.functions import (
    CheckpointedFunction,
    FilterFunction,
    FlatMapFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    MapFunction,
    RuntimeContext,
)
from millstream.datastream.state import MapStateDescriptor, ValueStateDescriptor
from millstream.testing.simulation.events import Event, copies_of, event, is_whole, next_of_key
from millstream.testing.simulation.job_spec import StreamSpec
from millstream.testing.simulation.observations import observations

__all__ = ["Check", "CheckBoth", "CheckWhole", "Copies", "InjectedError", "Keep", "Mine", "key_of"]


class InjectedError(RuntimeError):
    """A user's function fails because the job's description says so."""


def key_of(one: Event) -> int:
    """Return an event's key."""
    return one.key


class CheckWhole(MapFunction):
    """Passes an event on as it is."""

    def map(self, value: Event) -> Event:
        if not is_whole(value):
            raise observations().complain("I4", f"{value[:6]} is damaged")
        return value


class Keep(FilterFunction):
    """The stream's filter."""

    def __init__(self, stream: StreamSpec) -> None:
        self._stream = stream

    def filter(self, value: Event) -> bool:
        return copies_of(self._stream, value.number) > 0


class Copies(FlatMapFunction):
    """The stream's flat map."""

    def __init__(self, stream: StreamSpec) -> None:
        self._stream = stream

    def flat_map(self, value: Event) -> Iterator[Event]:
        for copy in range(self._stream.copies):
            yield event(self._stream, value.number, copy)


class Mine(FilterFunction):
    """Keeps this subtask's share of what comes to all of them."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self._index = runtime_context.get_index_of_this_subtask()
        self._parallelism = runtime_context.get_number_of_parallel_subtasks()

    def filter(self, value: Event) -> bool:
        return value.number % self._parallelism == self._index


class _Checks:
    """What the checking functions do with each event; it is no function itself.

    :param streams: those that come, by name, and whether a key's events come in order.
    :param fail_after: attempt ``i`` fails in subtask 0 when it has seen so many events.
    """

    def __init__(self, streams: dict[str, tuple[StreamSpec, bool]], fail_after: tuple[int, ...]) -> None:
        self._streams = streams
        self._fail_after = fail_after
        self.restored: int | None = None

    def open(self, runtime_context: RuntimeContext) -> None:
        self._last: Any = runtime_context.get_state(ValueStateDescriptor("last of each stream"))
        self._seen: Any = runtime_context.get_map_state(MapStateDescriptor("seen"))
        self._index = runtime_context.get_index_of_this_subtask()
        self._parallelism = runtime_context.get_number_of_parallel_subtasks()
        self._max_parallelism = runtime_context.get_max_number_of_parallel_subtasks()
        self._attempt = runtime_context.get_attempt_number()
        self._watermark = -(2**63)
        self._count = 0
        name = " ".join(["check", *self._streams])
        observations().begins(name, self._index, self._attempt, self.restored)

    def look(self, one: Event, ctx: Any) -> None:
        """Look at an event, and raise if something is wrong with it."""
        self._count += 1
        if self._index == 0 and self._attempt < len(self._fail_after) and self._count > self._fail_after[self._attempt]:
            text = f"attempt {self._attempt} fails at {one.stream} {one.number}, as it was told to"
            observations().injects(text)
            raise InjectedError(text)
        key = ctx.get_current_key()
        if not is_whole(one) or key != one.key:
            raise observations().complain("I4", f"{one[:6]} with key {key} is damaged")
        owner = operator_index(key_group(key, self._max_parallelism), self._max_parallelism, self._parallelism)
        if owner != self._index:
            raise observations().complain(
                "I3", f"{one[:3]} is with subtask {self._index}, and its key {key} belongs to {owner}"
            )
        self._look_at_watermark(ctx.timer_service().current_watermark())
        stream, ordered = self._streams[one.stream]
        if ordered:
            self._look_at_order(one, stream)
        else:
            place = f"{one.stream} {one.number} {one.copy}"
            if self._seen.contains(place):
                raise observations().complain("I2", f"{place} is seen again")
            self._seen.put(place, True)

    def _look_at_watermark(self, watermark: int) -> None:
        if watermark < self._watermark:
            raise observations().complain(
                "I7", f"subtask {self._index}: the watermark went from {self._watermark} back to {watermark}"
            )
        self._watermark = watermark

    def _look_at_order(self, one: Event, stream: StreamSpec) -> None:
        last = dict(self._last.value() or {})
        due = next_of_key(stream, one.key, last.get(one.stream))
        came = one.number, one.copy
        if came != due:
            invariant, what = ("I1", "lost") if due is not None and came > due else ("I2", "seen again or out of order")
            raise observations().complain(
                invariant, f"key {one.key}: {one.stream} {due} should have come and {came} came: events were {what}"
            )
        last[one.stream] = came
        self._last.update(last)


class Check(KeyedProcessFunction, CheckpointedFunction):
    """Passes events on after a look at each."""

    def __init__(self, streams: dict[str, tuple[StreamSpec, bool]], fail_after: tuple[int, ...] = ()) -> None:
        self._checks = _Checks(streams, fail_after)

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        self._checks.restored = context.get_restored_checkpoint_id()

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        pass  # all of it is keyed state

    def open(self, runtime_context: RuntimeContext) -> None:
        self._checks.open(runtime_context)

    def process_element(self, value: Event, ctx: Any) -> Iterator[Event]:
        self._checks.look(value, ctx)
        yield value


class CheckBoth(KeyedCoProcessFunction, CheckpointedFunction):
    """The same for two connected streams."""

    def __init__(self, streams: dict[str, tuple[StreamSpec, bool]], fail_after: tuple[int, ...] = ()) -> None:
        self._checks = _Checks(streams, fail_after)

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        self._checks.restored = context.get_restored_checkpoint_id()

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        pass  # all of it is keyed state

    def open(self, runtime_context: RuntimeContext) -> None:
        self._checks.open(runtime_context)

    def process_element1(self, value: Event, ctx: Any) -> Iterator[Event]:
        self._checks.look(value, ctx)
        yield value

    def process_element2(self, value: Event, ctx: Any) -> Iterator[Event]:
        self._checks.look(value, ctx)
        yield value
