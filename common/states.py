"""The states of jobs and of task attempts, under Flink's names.

Sources: Flink's ``JobStatus`` and ``ExecutionState`` documentation ("Jobs and Scheduling").
"""

from __future__ import annotations

from enum import Enum

__all__ = ["ExecutionState", "JobStatus"]


class JobStatus(Enum):
    """Where a job is in its life."""

    INITIALIZING = "INITIALIZING"
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    FAILING = "FAILING"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELED = "CANCELED"
    FINISHED = "FINISHED"
    RESTARTING = "RESTARTING"
    SUSPENDED = "SUSPENDED"
    RECONCILING = "RECONCILING"

    def is_globally_terminal(self) -> bool:
        """The job has ended for good: no other master will take it up."""
        return self in _GLOBALLY_TERMINAL

    def is_terminal(self) -> bool:
        """The job has ended here (a suspended one may go on under another master)."""
        return self in _GLOBALLY_TERMINAL or self is JobStatus.SUSPENDED

    is_globally_terminal_state = is_globally_terminal  # PyFlink's name
    is_terminal_state = is_terminal  # PyFlink's name


_GLOBALLY_TERMINAL = frozenset({JobStatus.FAILED, JobStatus.CANCELED, JobStatus.FINISHED})


class ExecutionState(Enum):
    """Where one attempt of one subtask is in its life."""

    CREATED = "CREATED"
    SCHEDULED = "SCHEDULED"
    DEPLOYING = "DEPLOYING"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"
    FAILED = "FAILED"
    RECONCILING = "RECONCILING"

    def is_terminal(self) -> bool:
        return self in (ExecutionState.FINISHED, ExecutionState.CANCELED, ExecutionState.FAILED)
