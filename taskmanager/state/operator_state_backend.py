"""State that belongs to a subtask and not to a key: lists that are divided, joined or repeated when it is rescaled.

An operator puts its own (a source's splits, a sink's transactions, records under way) under names that begin with a
blank, which no user's state does.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from millstream.common.checkpoint.streams import StateReader
from millstream.common.wire.checkpoint_pb2 import OperatorStateHandle
from millstream.taskmanager.state.snapshot import RunningSnapshot, SnapshotOptions

if TYPE_CHECKING:
    from millstream.datastream.state import BroadcastState, ListState, ListStateDescriptor, MapStateDescriptor

__all__ = ["OperatorStateBackend", "OperatorStateMode"]


class OperatorStateMode(Enum):
    """What becomes of a list when the parallelism changes."""

    SPLIT = "SPLIT"
    """Its items are divided evenly."""
    UNION = "UNION"
    """Each subtask gets the items of all."""
    BROADCAST = "BROADCAST"
    """All subtasks have the same items, and each new one gets them too."""


class OperatorStateBackend(Protocol):
    """The state of one operator's subtask that is not keyed. It lives in memory."""

    def get_list_state(
        self, descriptor: ListStateDescriptor, mode: OperatorStateMode = OperatorStateMode.SPLIT
    ) -> ListState[Any]:
        """Return the user's list state; always the same one for the same name.

        :raises MillstreamError: the name is that of a state with another mode or type.
        """
        ...

    def get_broadcast_state(self, descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        """Return the user's broadcast state."""
        ...

    def put_items(self, name: str, items: Sequence[Any], mode: OperatorStateMode = OperatorStateMode.SPLIT) -> None:
        """Put the operator's own state into the snapshots from now on, in place of what was there under the name.

        What the items are made of must not change afterwards.
        """
        ...

    def items(self, name: str) -> list[Any] | None:
        """What was put or restored under this name; ``None``: nothing ever was."""
        ...

    def start_snapshot(self, options: SnapshotOptions) -> RunningSnapshot[Sequence[OperatorStateHandle]]:
        """Hold fast all state as it is now."""
        ...

    def restore(self, handles: Sequence[OperatorStateHandle], reader: StateReader) -> None:
        """Go on from what is in these handles, in place of all there was. Blocks, in a thread.

        Items are taken in the order of the handles and of their offsets.
        """
        ...
