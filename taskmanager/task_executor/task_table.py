"""The task attempts of one job on this TaskManager: a pure state machine.

Messages may come twice or out of turn: a deployment after the cancellation of the same attempt, a state after the
end. The table says what each is worth.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from millstream.common.ids import AllocationId, AttemptId
from millstream.common.states import ExecutionState
from millstream.common.wire.graph_pb2 import TaskDeployment

__all__ = ["CancelVerdict", "TaskEntry", "TaskTable"]

_REMEMBERED = 4096
"""Ended attempts that are remembered, so that a late message about one is known to be late."""


class CancelVerdict(Enum):
    """What a wish to cancel an attempt meets."""

    LIVE = "live"
    """It is here and has not ended: the worker must be told."""
    ENDED = "ended"
    """It has ended, and its end was or will be reported."""
    UNKNOWN = "unknown"
    """It never came here. It will not be accepted any more, so it counts as cancelled."""


@dataclass(slots=True)
class TaskEntry:
    """One live attempt.

    :ivar name: ``Source: lines -> split (1/2)``.
    """

    attempt_id: AttemptId
    allocation_id: AllocationId
    name: str
    state: ExecutionState = ExecutionState.DEPLOYING


class TaskTable:
    """The attempts of one job."""

    def __init__(self) -> None:
        self._live: dict[AttemptId, TaskEntry] = {}
        self._ended: OrderedDict[AttemptId, None] = OrderedDict()

    def submit(self, task: TaskDeployment) -> bool:
        """Take an attempt in. False: it is here already, or has ended or been cancelled."""
        attempt_id = AttemptId(task.attempt_id)
        if attempt_id in self._live or attempt_id in self._ended:
            return False
        name = f"{task.vertex.name} ({task.subtask_index + 1}/{task.vertex.parallelism})"
        self._live[attempt_id] = TaskEntry(attempt_id, AllocationId(task.allocation_id), name)
        return True

    def find(self, attempt_id: AttemptId) -> TaskEntry | None:
        """Return a live attempt."""
        return self._live.get(attempt_id)

    def transition(self, attempt_id: AttemptId, state: ExecutionState) -> bool:
        """An attempt's state has changed. False: it is not live, so the news is stale."""
        entry = self._live.get(attempt_id)
        if entry is None:
            return False
        entry.state = state
        if state.is_terminal():
            self._end(attempt_id)
        return True

    def cancel(self, attempt_id: AttemptId) -> CancelVerdict:
        """Say what is to be done to cancel an attempt."""
        if attempt_id in self._live:
            return CancelVerdict.LIVE
        if attempt_id in self._ended:
            return CancelVerdict.ENDED
        self._end(attempt_id)
        return CancelVerdict.UNKNOWN

    def live_in(self, allocation_id: AllocationId) -> list[TaskEntry]:
        """Return the live attempts of a slot, in the order they came."""
        return [entry for entry in self._live.values() if entry.allocation_id == allocation_id]

    def slot_lost(self, allocation_id: AllocationId) -> list[TaskEntry]:
        """The slot is no more, and so are its attempts, which are returned."""
        lost = self.live_in(allocation_id)
        for entry in lost:
            self._end(entry.attempt_id)
        return lost

    def _end(self, attempt_id: AttemptId) -> None:
        self._live.pop(attempt_id, None)
        self._ended[attempt_id] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
