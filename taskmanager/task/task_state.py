"""The life of one task, as a pure state machine: which state follows on what happens.

A failure after a cancellation was asked for is an echo of the cancellation, so the task ends CANCELED; a cancellation
after the end changes nothing.
"""

from __future__ import annotations

from millstream.common.states import ExecutionState

__all__ = ["TaskState"]

_FORWARD = {
    ExecutionState.CREATED: ExecutionState.INITIALIZING,
    ExecutionState.INITIALIZING: ExecutionState.RUNNING,
    ExecutionState.RUNNING: ExecutionState.FINISHED,
}


class TaskState:
    """Events are methods; each returns the state to report, or ``None`` when nothing changes for others.

    :ivar current: where the task is.
    """

    __slots__ = ("current",)

    def __init__(self) -> None:
        self.current = ExecutionState.CREATED

    @property
    def cancelling(self) -> bool:
        return self.current is ExecutionState.CANCELING

    @property
    def terminal(self) -> bool:
        return self.current.is_terminal()

    def initialize(self) -> ExecutionState | None:
        """The task begins to load and open its operators."""
        return self._advance(ExecutionState.INITIALIZING)

    def run(self) -> ExecutionState | None:
        """All operators are open."""
        return self._advance(ExecutionState.RUNNING)

    def finish(self) -> ExecutionState | None:
        """Everything was processed, and everything put out was taken."""
        if self.cancelling:
            return self._end(ExecutionState.CANCELED)
        return self._advance(ExecutionState.FINISHED)

    def cancel(self) -> bool:
        """Somebody wants the task to end; False: it has ended or has been told already."""
        if self.terminal or self.cancelling:
            return False
        self.current = ExecutionState.CANCELING
        return True

    def cancelled(self) -> ExecutionState | None:
        """The task has let go of everything after a cancellation."""
        if self.terminal:
            return None
        return self._end(ExecutionState.CANCELED)

    def fail(self) -> ExecutionState | None:
        """The task could not go on."""
        if self.terminal:
            return None
        return self._end(ExecutionState.CANCELED if self.cancelling else ExecutionState.FAILED)

    def _advance(self, state: ExecutionState) -> ExecutionState | None:
        if self.terminal or self.cancelling:
            return None
        if _FORWARD.get(self.current) is not state:
            raise ValueError(f"a task that is {self.current.value} cannot become {state.value}")
        self.current = state
        return state

    def _end(self, state: ExecutionState) -> ExecutionState:
        self.current = state
        return state
