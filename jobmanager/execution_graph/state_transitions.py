"""Which state may follow which, for jobs and for task attempts.

Both tables are Flink's ("Jobs and Scheduling"). They stand here as data, so that a test can look at every pair and
nothing in the scheduler can slip through a transition that the table does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from millstream.common.errors import MillstreamError
from millstream.common.states import ExecutionState, JobStatus

__all__ = [
    "EXECUTION_TRANSITIONS",
    "JOB_TRANSITIONS",
    "IllegalTransitionError",
    "check_execution_transition",
    "check_job_transition",
]

_E = ExecutionState
_J = JobStatus


class IllegalTransitionError(MillstreamError):
    """A state was to follow another one that it may not follow: a fault of the engine, never of the user."""


EXECUTION_TRANSITIONS: Final[Mapping[ExecutionState, frozenset[ExecutionState]]] = {
    # CANCELED directly, where there is nothing on a TaskManager yet that would have to answer.
    _E.CREATED: frozenset({_E.SCHEDULED, _E.CANCELED, _E.FAILED}),
    _E.SCHEDULED: frozenset({_E.DEPLOYING, _E.CANCELED, _E.FAILED}),
    # Reports may overtake one another or be lost, hence the jumps to RUNNING and FINISHED.
    _E.DEPLOYING: frozenset({_E.INITIALIZING, _E.RUNNING, _E.FINISHED, _E.CANCELING, _E.FAILED}),
    _E.INITIALIZING: frozenset({_E.RUNNING, _E.FINISHED, _E.CANCELING, _E.FAILED}),
    _E.RUNNING: frozenset({_E.FINISHED, _E.CANCELING, _E.FAILED}),
    # Whatever a cancelled attempt ends with counts as cancelled.
    _E.CANCELING: frozenset({_E.CANCELED}),
    _E.FINISHED: frozenset(),
    _E.CANCELED: frozenset(),
    _E.FAILED: frozenset(),
    _E.RECONCILING: frozenset(),
}

JOB_TRANSITIONS: Final[Mapping[JobStatus, frozenset[JobStatus]]] = {
    _J.INITIALIZING: frozenset({_J.CREATED, _J.SUSPENDED}),
    _J.CREATED: frozenset({_J.RUNNING, _J.FAILING, _J.CANCELLING, _J.SUSPENDED}),
    _J.RUNNING: frozenset({_J.RESTARTING, _J.FAILING, _J.CANCELLING, _J.FINISHED, _J.SUSPENDED}),
    _J.RESTARTING: frozenset({_J.RUNNING, _J.FAILING, _J.CANCELLING, _J.SUSPENDED}),
    # A user may still cancel a job whose failed tasks are being cleared away.
    _J.FAILING: frozenset({_J.FAILED, _J.CANCELLING, _J.SUSPENDED}),
    _J.CANCELLING: frozenset({_J.CANCELED, _J.SUSPENDED}),
    _J.FAILED: frozenset(),
    _J.CANCELED: frozenset(),
    _J.FINISHED: frozenset(),
    _J.SUSPENDED: frozenset(),
    _J.RECONCILING: frozenset(),
}


def check_execution_transition(task_name: str, old: ExecutionState, new: ExecutionState) -> None:
    """Raise :class:`IllegalTransitionError` if ``new`` may not follow ``old``."""
    if new not in EXECUTION_TRANSITIONS[old]:
        raise IllegalTransitionError(f"task {task_name!r} cannot go from {old.name} to {new.name}")


def check_job_transition(job_name: str, old: JobStatus, new: JobStatus) -> None:
    """Raise :class:`IllegalTransitionError` if ``new`` may not follow ``old``."""
    if new not in JOB_TRANSITIONS[old]:
        raise IllegalTransitionError(f"job {job_name!r} cannot go from {old.name} to {new.name}")
