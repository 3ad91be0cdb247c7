"""How many tasks of a job are in which state, and how long the job has had tasks that are being deployed.

Executions tell of each of their transitions, so that a summary of a job costs nothing however many tasks it has.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from millstream.common.states import ExecutionState

__all__ = ["TaskStates"]

_DEPLOYING: Final = (ExecutionState.DEPLOYING, ExecutionState.INITIALIZING)


class TaskStates:
    """Counts the current attempts of a job's subtasks.

    :ivar last_change_ms: when a task last changed its state; 0: none has.
    """

    __slots__ = ("_counts", "_deploying", "_deploying_before_ms", "_deploying_since_ms", "last_change_ms")

    def __init__(self) -> None:
        self._counts: Counter[ExecutionState] = Counter()
        self.last_change_ms = 0
        self._deploying = 0
        self._deploying_since_ms = 0
        self._deploying_before_ms = 0

    def counts(self) -> dict[ExecutionState, int]:
        """Return the number of tasks in each state that some are in."""
        return {state: count for state, count in self._counts.items() if count}

    @property
    def total(self) -> int:
        """The number of tasks."""
        return self._counts.total()

    def entered(self, state: ExecutionState, now_ms: int) -> None:
        """An attempt is in this state now."""
        self._counts[state] += 1
        self.last_change_ms = max(self.last_change_ms, now_ms)
        if state in _DEPLOYING:
            if not self._deploying:
                self._deploying_since_ms = now_ms
            self._deploying += 1

    def left(self, state: ExecutionState, now_ms: int) -> None:
        """An attempt is no longer in this state."""
        self._counts[state] -= 1
        if state in _DEPLOYING:
            self._deploying -= 1
            if not self._deploying:
                self._deploying_before_ms += max(0, now_ms - self._deploying_since_ms)

    def deploying_ms(self, now_ms: int) -> int:
        """Return for how long there have been tasks that are being deployed; 0: there is none."""
        return max(0, now_ms - self._deploying_since_ms) if self._deploying else 0

    def deploying_total_ms(self, now_ms: int) -> int:
        """Return the time of all deployments."""
        return self._deploying_before_ms + self.deploying_ms(now_ms)

    @property
    def is_deploying(self) -> bool:
        """Some task is being deployed."""
        return self._deploying > 0
