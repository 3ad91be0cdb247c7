"""What tests of checkpoints need: functions that remember what they saw, and looks into what was acknowledged."""

from __future__ import annotations

import threading
from typing import Any

from millstream.common.records import CheckpointBarrier
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions, OperatorSubtaskState
from millstream.common.wire.cluster_pb2 import CheckpointAcknowledgement
from millstream.datastream import OutputTag
from millstream.datastream.functions import (
    CheckpointListener,
    CoMapFunction,
    KeyedProcessFunction,
    ListCheckpointed,
    ProcessFunction,
)
from millstream.taskmanager.state.state_pickle import load_state

CHECKPOINTED = {"execution.checkpointing.interval": "1 h"}

TOLD: list[tuple[str, int]] = []
"""What listeners were told."""


def options(kind: str = "CHECKPOINT", alignment: str = "ALIGNED") -> CheckpointOptions:
    """What a barrier carries."""
    return CheckpointOptions(kind=kind, alignment=alignment, trigger_timestamp_ms=1000)


def barrier(number: int, kind: str = "CHECKPOINT", alignment: str = "ALIGNED") -> CheckpointBarrier:
    """The barrier that a task makes of a trigger with these options."""
    return CheckpointBarrier(number, 1000, options(kind, alignment).SerializeToString(deterministic=True))


class Remembering(ProcessFunction, ListCheckpointed, CheckpointListener):
    """Passes records on; its state is all that it has seen."""

    def __init__(self, *, poison: Any = None, failing: str = "") -> None:
        self.seen: list[Any] = []
        self.failing = failing
        self.poison = poison

    def process_element(self, value: Any, ctx: Any) -> Any:
        self.seen.append(value)
        yield value

    def snapshot_state(self, checkpoint_id: int, timestamp: int) -> list[Any]:
        if self.failing == "snapshot_state":
            raise LookupError("no snapshot today")
        return [*self.seen, *([] if self.poison is None else [self.poison])]

    def restore_state(self, state: list[Any]) -> None:
        self.seen = list(state)

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        if self.failing == "notify_checkpoint_complete":
            raise LookupError("do not tell me")
        TOLD.append(("complete", checkpoint_id))

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        TOLD.append(("aborted", checkpoint_id))


class Counting(ProcessFunction, ListCheckpointed):
    """Passes records on; its state is how many."""

    def __init__(self) -> None:
        self.count = 0

    def process_element(self, value: Any, ctx: Any) -> Any:
        self.count += 1
        yield value

    def snapshot_state(self, checkpoint_id: int, timestamp: int) -> list[Any]:
        return [self.count]

    def restore_state(self, state: list[Any]) -> None:
        self.count = sum(state)


class Alarming(KeyedProcessFunction):
    """Passes records on, and sets a timer for each."""

    def process_element(self, value: Any, ctx: Any) -> Any:
        timers = ctx.timer_service()
        timers.register_processing_time_timer(timers.current_processing_time() + 5)
        yield value

    def on_timer(self, timestamp: int, ctx: Any) -> Any:
        yield f"timer of {ctx.get_current_key()}"


class Sorting(ProcessFunction):
    """Passes even numbers on, and odd ones to a side output."""

    def process_element(self, value: Any, ctx: Any) -> Any:
        yield value if value % 2 == 0 else (OutputTag("odd"), value)


class RememberingBoth(CoMapFunction, ListCheckpointed):
    """The same with two inputs."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def map1(self, value: Any) -> Any:
        self.seen.append((1, value))
        return value

    def map2(self, value: Any) -> Any:
        self.seen.append((2, value))
        return value

    def snapshot_state(self, checkpoint_id: int, timestamp: int) -> list[Any]:
        return list(self.seen)

    def restore_state(self, state: list[Any]) -> None:
        self.seen = list(state)


class Unpicklable:
    """Cannot be put into a snapshot."""

    def __reduce__(self) -> Any:
        raise ArithmeticError("not me")


class CountingSource(ListCheckpointed, CheckpointListener):
    """A source function that emits numbers, and goes on after a restore from where it was.

    :param step: how many it emits while it holds the lock once.
    """

    told: list[tuple[str, int, bool]] = []  # noqa: RUF012  # shared with the test through the class

    def __init__(self, count: int, step: int = 1) -> None:
        self.count = count
        self.step = step
        self.next = 0
        self.running = True

    def run(self, ctx: Any) -> None:
        lock = ctx.get_checkpoint_lock()
        while self.running and self.next < self.count:
            with lock:
                for _ in range(min(self.step, self.count - self.next)):
                    ctx.collect(self.next)
                    self.next += 1

    def cancel(self) -> None:
        self.running = False

    def snapshot_state(self, checkpoint_id: int, timestamp: int) -> list[Any]:
        assert threading.current_thread() is threading.main_thread()
        return [self.next]

    def restore_state(self, state: list[Any]) -> None:
        (self.next,) = state

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        CountingSource.told.append(("complete", checkpoint_id, self.next % self.step == 0))

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        CountingSource.told.append(("aborted", checkpoint_id, self.next % self.step == 0))


class RestingSource:
    """Emits once, and rests until the test lets it go."""

    rest = threading.Event()

    def run(self, ctx: Any) -> None:
        with ctx.get_checkpoint_lock():
            ctx.collect("once")
        RestingSource.rest.wait(10)

    def cancel(self) -> None:
        RestingSource.rest.set()


def operator_id(index: int) -> str:
    """The id that the harness gives to an operator."""
    return f"{index:032x}"


def items_of(state: OperatorSubtaskState) -> list[Any]:
    """All items of an operator's state without keys."""
    items: list[Any] = []
    for handle in state.operator:
        data = handle.bytes.inline
        items.extend(
            load_state(data[offset : offset + length])
            for offset, length in zip(handle.offsets, handle.lengths, strict=True)
        )
    return items


def items(acknowledgement: CheckpointAcknowledgement, index: int = 0) -> list[Any]:
    """What an operator put into a checkpoint."""
    return items_of(acknowledgement.snapshot.operators[operator_id(index)])
