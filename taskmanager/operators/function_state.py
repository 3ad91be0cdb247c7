"""How a user's function takes part in checkpoints, whichever operator (or source, or sink) runs it."""

from __future__ import annotations

from typing import Any

from millstream.datastream.functions.checkpoint_listener import CheckpointListener
from millstream.datastream.functions.checkpointed_function import (
    CheckpointedFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
)
from millstream.datastream.functions.list_checkpointed import ListCheckpointed
from millstream.datastream.functions.runtime_context import KeyedStateStore, RuntimeContext
from millstream.datastream.state import (
    BroadcastState,
    ListState,
    ListStateDescriptor,
    MapStateDescriptor,
    OperatorStateStore,
)
from millstream.taskmanager.operators.operator import CheckpointInfo
from millstream.taskmanager.state.operator_state_backend import OperatorStateBackend, OperatorStateMode
from millstream.taskmanager.state.operator_states import OperatorStates

__all__ = ["FunctionState", "takes_part_in_checkpoints"]

_LIST_CHECKPOINTED = " list-checkpointed"


def takes_part_in_checkpoints(target: Any) -> bool:
    """Whether a function has state of its own, or listens to checkpoints."""
    return isinstance(target, (CheckpointedFunction, ListCheckpointed, CheckpointListener))


class FunctionState:
    """Calls a function's hooks; does nothing for a function that has none.

    :param runtime_context: gives the keyed state, if the operator has keys.
    :param name: tells apart the functions of an operator that has several.
    """

    def __init__(self, target: Any, states: OperatorStates, runtime_context: RuntimeContext, name: str = "") -> None:
        self._list_name = f"{_LIST_CHECKPOINTED} {name}" if name else _LIST_CHECKPOINTED
        self._target = target
        self._states = states
        self._runtime_context = runtime_context

    def initialize(self) -> None:
        """For :meth:`Operator.initialize_state`."""
        target = self._target
        if isinstance(target, CheckpointedFunction):
            target.initialize_state(_InitializationContext(self._states, self._runtime_context))
        elif isinstance(target, ListCheckpointed) and self._states.is_restored:
            items = self._states.operator().items(self._list_name)
            if items is not None:
                target.restore_state(items)

    def snapshot(self, checkpoint: CheckpointInfo) -> None:
        """For :meth:`Operator.prepare_snapshot`."""
        target = self._target
        if isinstance(target, CheckpointedFunction):
            target.snapshot_state(_SnapshotContext(checkpoint))
        elif isinstance(target, ListCheckpointed):
            items = list(target.snapshot_state(checkpoint.checkpoint_id, checkpoint.timestamp))
            self._states.operator().put_items(self._list_name, items)

    def notify_complete(self, checkpoint_id: int) -> None:
        """For :meth:`Operator.notify_checkpoint_complete`."""
        if isinstance(self._target, CheckpointListener):
            self._target.notify_checkpoint_complete(checkpoint_id)

    def notify_aborted(self, checkpoint_id: int) -> None:
        """For :meth:`Operator.notify_checkpoint_aborted`."""
        if isinstance(self._target, CheckpointListener):
            self._target.notify_checkpoint_aborted(checkpoint_id)


class _SnapshotContext(FunctionSnapshotContext):
    __slots__ = ("_checkpoint",)

    def __init__(self, checkpoint: CheckpointInfo) -> None:
        self._checkpoint = checkpoint

    def get_checkpoint_id(self) -> int:
        return self._checkpoint.checkpoint_id

    def get_checkpoint_timestamp(self) -> int:
        return self._checkpoint.timestamp


class _InitializationContext(FunctionInitializationContext):
    __slots__ = ("_runtime_context", "_states")

    def __init__(self, states: OperatorStates, runtime_context: RuntimeContext) -> None:
        self._states = states
        self._runtime_context = runtime_context

    def is_restored(self) -> bool:
        return self._states.is_restored

    def get_restored_checkpoint_id(self) -> int | None:
        return self._states.restored_checkpoint_id

    def get_operator_state_store(self) -> OperatorStateStore:
        return _OperatorStore(self._states.operator())

    def get_keyed_state_store(self) -> KeyedStateStore:
        return self._runtime_context


class _OperatorStore(OperatorStateStore):
    __slots__ = ("_backend",)

    def __init__(self, backend: OperatorStateBackend) -> None:
        self._backend = backend

    def get_broadcast_state(self, state_descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        return self._backend.get_broadcast_state(state_descriptor)

    def get_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:
        return self._backend.get_list_state(state_descriptor, OperatorStateMode.SPLIT)

    def get_union_list_state(self, state_descriptor: ListStateDescriptor) -> ListState[Any]:
        return self._backend.get_list_state(state_descriptor, OperatorStateMode.UNION)
