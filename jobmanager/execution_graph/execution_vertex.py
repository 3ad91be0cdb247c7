"""One subtask of a JobVertex, over all its attempts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from millstream.common.ids import AttemptId
from millstream.common.states import ExecutionState
from millstream.jobmanager.execution_graph.execution import Execution
from millstream.jobmanager.execution_graph.execution_vertex_id import ExecutionVertexID
from millstream.jobmanager.execution_graph.task_states import TaskStates

__all__ = ["ExecutionVertex"]


class ExecutionVertex:
    """A subtask: its current attempt and a bounded history of the earlier ones.

    :param states: count the current attempts of all subtasks.
    """

    __slots__ = ("_history", "_states", "current", "id", "task_name")

    def __init__(
        self,
        vertex_id: ExecutionVertexID,
        task_name: str,
        attempt_id: AttemptId,
        history_size: int,
        now_ms: int,
        states: TaskStates,
    ) -> None:
        self.id = vertex_id
        self.task_name = task_name
        self._states = states
        self.current = Execution(task_name, attempt_id, 0, now_ms, states)
        self._history: deque[Execution] = deque(maxlen=max(history_size, 0))

    @property
    def state(self) -> ExecutionState:
        return self.current.state

    @property
    def history(self) -> Iterable[Execution]:
        """Earlier attempts, oldest first; the oldest are forgotten."""
        return tuple(self._history)

    def reset_for_new_execution(self, attempt_id: AttemptId, now_ms: int) -> None:
        """Begin a new attempt. The old one must have ended.

        :raises ValueError: it has not.
        """
        if not self.current.state.is_terminal():
            raise ValueError(f"{self.task_name} cannot be reset in state {self.current.state.name}: it has not ended")
        self._history.append(self.current)
        self.current.replaced(now_ms)
        self.current = Execution(self.task_name, attempt_id, self.current.attempt_number + 1, now_ms, self._states)

    def __repr__(self) -> str:
        return f"ExecutionVertex({self.task_name}, {self.current!r})"
