"""Helpers of the operator tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.records import RecordBatch
from millstream.common.wire.checkpoint_pb2 import OperatorSubtaskState
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    Operator,
    OperatorContext,
    OperatorInfo,
    TaskInfo,
)
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.operator_states import OperatorStates
from millstream.taskmanager.state.snapshot import SnapshotOptions

_states: WeakKeyDictionary[Operator, OperatorStates] = WeakKeyDictionary()


def context(name: str = "op", *, inline: bool = False, **task: Any) -> OperatorContext:
    return OperatorContext(OperatorInfo(name, f"id-{name}"), TaskInfo(**task), inline=inline)


def build(
    factory: Callable[[Any, OperatorContext], Operator],
    spec: Any,
    made: OperatorContext,
    snapshot: OperatorSubtaskState | None = None,
) -> Operator:
    """An operator with state of its own that is ready to be opened.

    :param snapshot: what it goes on from.
    """
    settings = KeyedBackendSettings(now_ms=made.processing_time.now_ms)
    states = OperatorStates(settings, None if snapshot is None else 1)
    operator = factory(spec, replace(made, state=states))
    if snapshot is not None:
        states.restore(snapshot, SnapshotReader())
    operator.initialize_state()
    _states[operator] = states
    return operator


def snapshot_of(operator: Operator) -> OperatorSubtaskState:
    """What an operator that was built here would go on from."""
    operator.prepare_snapshot(CheckpointInfo(1))
    return _states[operator].start_snapshot(SnapshotOptions(1)).write(MemorySnapshotStreams())


def states_of(operator: Operator) -> OperatorStates:
    """The state of an operator that was built here."""
    return _states[operator]


def keyed_size(operator: Operator) -> int:
    """How many bytes the keyed state of an operator that was built here takes in a snapshot."""
    return sum(handle.full_size for handle in snapshot_of(operator).keyed)


def run(operator: Operator, values: list[Any], timestamps: list[int | None] | None = None) -> list[Any]:
    """All records that the operator makes of one batch."""
    outputs = operator.process_batch(RecordBatch(values, timestamps))
    return [value for batch in outputs if isinstance(batch, RecordBatch) for value in batch.values]


def run_stamped(operator: Operator, values: list[Any], timestamps: list[int | None]) -> list[tuple[Any, int | None]]:
    pairs: list[tuple[Any, int | None]] = []
    for batch in operator.process_batch(RecordBatch(values, timestamps)):
        assert isinstance(batch, RecordBatch)
        assert batch.timestamps is not None
        pairs.extend(zip(batch.values, batch.timestamps, strict=True))
    return pairs


def failure_of(operator: Operator, values: list[Any], timestamps: list[int | None] | None = None) -> BaseException:
    try:
        run(operator, values, timestamps)
    except BaseException as error:  # noqa: BLE001  # that is what the tests look at
        return error
    raise AssertionError("the operator did not fail")
