"""One attempt to run one subtask."""

from __future__ import annotations

from millstream.common.failure import FailureInfo
from millstream.common.ids import AttemptId
from millstream.common.states import ExecutionState
from millstream.common.wire.cluster_pb2 import TaskMetrics
from millstream.jobmanager.execution_graph.physical_slot import PhysicalSlot
from millstream.jobmanager.execution_graph.state_transitions import check_execution_transition
from millstream.jobmanager.execution_graph.task_states import TaskStates

__all__ = ["Execution"]


class Execution:
    """An attempt: its state, when it entered which state, where it ran, why it failed, what it counted.

    :param states: is told of each state that it enters or leaves.

    :ivar task_name: ``map (1/2)``, for messages.
    :ivar attempt_number: 0 for the first attempt of the subtask.
    :ivar state_timestamps: state -> ms since the epoch when it was entered.
    :ivar slot: where it runs or ran; ``None`` before it has a slot.
    :ivar metrics: the latest totals the task reported; kept after its end.
    """

    __slots__ = (
        "_states",
        "attempt_id",
        "attempt_number",
        "failure",
        "metrics",
        "slot",
        "state",
        "state_timestamps",
        "task_name",
    )

    def __init__(
        self, task_name: str, attempt_id: AttemptId, attempt_number: int, now_ms: int, states: TaskStates
    ) -> None:
        self._states = states
        states.entered(ExecutionState.CREATED, now_ms)
        self.task_name = task_name
        self.attempt_id = attempt_id
        self.attempt_number = attempt_number
        self.state = ExecutionState.CREATED
        self.state_timestamps: dict[ExecutionState, int] = {ExecutionState.CREATED: now_ms}
        self.slot: PhysicalSlot | None = None
        self.failure: FailureInfo | None = None
        self.metrics: TaskMetrics | None = None

    def transition(self, state: ExecutionState, now_ms: int) -> None:
        """Go to ``state``.

        :raises IllegalTransitionError: the table does not allow it.
        """
        check_execution_transition(self.task_name, self.state, state)
        self._states.entered(state, now_ms)
        self._states.left(self.state, now_ms)
        self.state = state
        self.state_timestamps[state] = now_ms

    def replaced(self, now_ms: int) -> None:
        """There is a newer attempt of the subtask: this one is history."""
        self._states.left(self.state, now_ms)

    def is_deployed(self) -> bool:
        """A TaskManager may know of this attempt and has not reported its end."""
        return self.state in (
            ExecutionState.DEPLOYING,
            ExecutionState.INITIALIZING,
            ExecutionState.RUNNING,
            ExecutionState.CANCELING,
        )

    def __repr__(self) -> str:
        return f"Execution({self.task_name}, attempt {self.attempt_number}, {self.state.name})"
