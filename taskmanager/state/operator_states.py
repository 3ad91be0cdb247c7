"""All state of one operator of one subtask: what an operator is given to keep its state in, and what is snapshotted.

The task makes one for each operator of its chain, restores it before the operator is opened, and takes its snapshots.
The keyed backend is made when the operator first asks for it, and which one that is, is a setting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from millstream.common.checkpoint.streams import SnapshotStreams, StateReader
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle, OperatorStateHandle, OperatorSubtaskState
from millstream.taskmanager.state.create import create_keyed_backend, create_operator_backend
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings, KeyedStateBackend
from millstream.taskmanager.state.operator_state_backend import OperatorStateBackend
from millstream.taskmanager.state.snapshot import RunningSnapshot, SnapshotOptions

__all__ = ["OperatorStates", "RunningOperatorSnapshot"]


class RunningOperatorSnapshot:
    """The snapshots of an operator's backends."""

    def __init__(
        self,
        keyed: RunningSnapshot[KeyedStateHandle | None] | None,
        operator: RunningSnapshot[Sequence[OperatorStateHandle]] | None,
    ) -> None:
        self._keyed = keyed
        self._operator = operator

    @property
    def is_empty(self) -> bool:
        """The operator has no state: there is nothing to write."""
        return self._keyed is None and self._operator is None

    def write(self, streams: SnapshotStreams) -> OperatorSubtaskState:
        """Write all; blocks, in a thread."""
        state = OperatorSubtaskState()
        if self._keyed is not None:
            handle = self._keyed.write(streams)
            if handle is not None:
                state.keyed.append(handle)
        if self._operator is not None:
            state.operator.extend(self._operator.write(streams))
        return state

    def discard(self) -> None:
        """See :class:`RunningSnapshot`."""
        if self._keyed is not None:
            self._keyed.discard()
        if self._operator is not None:
            self._operator.discard()


class OperatorStates:
    """The state of one operator.

    :ivar restored_checkpoint_id: the checkpoint that the task goes on from; ``None``: it begins anew.
    :ivar lineage_id: the first job of the chain of restores that this job is the last of: commits are known by it.
    """

    def __init__(
        self,
        settings: KeyedBackendSettings | None = None,
        restored_checkpoint_id: int | None = None,
        lineage_id: str = "",
    ) -> None:
        self.restored_checkpoint_id = restored_checkpoint_id
        self.lineage_id = lineage_id
        self._settings = settings if settings is not None else KeyedBackendSettings()
        self._keyed: KeyedStateBackend | None = None
        self._operator: OperatorStateBackend | None = None

    @property
    def is_restored(self) -> bool:
        """The task goes on from a checkpoint, in which this operator may have had no state."""
        return self.restored_checkpoint_id is not None

    @property
    def settings(self) -> KeyedBackendSettings:
        """What backends are made with."""
        return self._settings

    def keyed(self) -> KeyedStateBackend:
        """Return the keyed state backend; always the same one."""
        if self._keyed is None:
            self._keyed = create_keyed_backend(self._settings)
        return self._keyed

    def operator(self) -> OperatorStateBackend:
        """Return the backend of state without keys; always the same one."""
        if self._operator is None:
            self._operator = create_operator_backend(self._settings)
        return self._operator

    @property
    def reserves_memory(self) -> bool:
        """Some of the slot's managed memory is its."""
        return self._keyed is not None and not self._keyed.in_memory

    def properties(self) -> dict[str, Callable[[str], int | None]]:
        """See :meth:`KeyedStateBackend.properties`."""
        return {} if self._keyed is None else self._keyed.properties()

    def timers_fired(self) -> int:
        """Timers that have fired so far."""
        return 0 if self._keyed is None else self._keyed.timers_fired()

    def start_snapshot(self, options: SnapshotOptions) -> RunningOperatorSnapshot:
        """Hold fast all state as it is now."""
        keyed = None if self._keyed is None else self._keyed.start_snapshot(options)
        try:
            operator = None if self._operator is None else self._operator.start_snapshot(options)
        except BaseException:
            if keyed is not None:
                keyed.discard()
            raise
        return RunningOperatorSnapshot(keyed, operator)

    def restore(self, state: OperatorSubtaskState, reader: StateReader) -> None:
        """Go on from a snapshot; blocks, in a thread. Called before the operator is opened."""
        if state.keyed:
            self.keyed().restore(list(state.keyed), reader)
        if state.operator:
            self.operator().restore(list(state.operator), reader)

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        """The checkpoint is complete and stored."""
        if self._keyed is not None:
            self._keyed.notify_checkpoint_complete(checkpoint_id)

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        """The checkpoint will never be complete."""
        if self._keyed is not None:
            self._keyed.notify_checkpoint_aborted(checkpoint_id)

    def close(self) -> None:
        """Let go of everything."""
        if self._keyed is not None:
            self._keyed.close()
            self._keyed = None
