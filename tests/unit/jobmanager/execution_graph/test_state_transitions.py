"""Every pair of states is either in the table or refused."""

from __future__ import annotations

from itertools import product

import pytest

from millstream.common.ids import AttemptId
from millstream.common.states import ExecutionState, JobStatus
from millstream.jobmanager.execution_graph import Execution
from millstream.jobmanager.execution_graph.state_transitions import (
    EXECUTION_TRANSITIONS,
    JOB_TRANSITIONS,
    IllegalTransitionError,
    check_execution_transition,
    check_job_transition,
)
from millstream.jobmanager.execution_graph.task_states import TaskStates

_LEGAL_TASK = {
    ("CREATED", "SCHEDULED"),
    ("CREATED", "CANCELED"),
    ("CREATED", "FAILED"),
    ("SCHEDULED", "DEPLOYING"),
    ("SCHEDULED", "CANCELED"),
    ("SCHEDULED", "FAILED"),
    ("DEPLOYING", "INITIALIZING"),
    ("DEPLOYING", "RUNNING"),
    ("DEPLOYING", "FINISHED"),
    ("DEPLOYING", "CANCELING"),
    ("DEPLOYING", "FAILED"),
    ("INITIALIZING", "RUNNING"),
    ("INITIALIZING", "FINISHED"),
    ("INITIALIZING", "CANCELING"),
    ("INITIALIZING", "FAILED"),
    ("RUNNING", "FINISHED"),
    ("RUNNING", "CANCELING"),
    ("RUNNING", "FAILED"),
    ("CANCELING", "CANCELED"),
}

_LEGAL_JOB = {
    ("INITIALIZING", "CREATED"),
    ("INITIALIZING", "SUSPENDED"),
    ("CREATED", "RUNNING"),
    ("CREATED", "FAILING"),
    ("CREATED", "CANCELLING"),
    ("CREATED", "SUSPENDED"),
    ("RUNNING", "RESTARTING"),
    ("RUNNING", "FAILING"),
    ("RUNNING", "CANCELLING"),
    ("RUNNING", "FINISHED"),
    ("RUNNING", "SUSPENDED"),
    ("RESTARTING", "RUNNING"),
    ("RESTARTING", "FAILING"),
    ("RESTARTING", "CANCELLING"),
    ("RESTARTING", "SUSPENDED"),
    ("FAILING", "FAILED"),
    ("FAILING", "CANCELLING"),
    ("FAILING", "SUSPENDED"),
    ("CANCELLING", "CANCELED"),
    ("CANCELLING", "SUSPENDED"),
}


@pytest.mark.parametrize(("old", "new"), list(product(ExecutionState, ExecutionState)))
def test_task_transitions(old: ExecutionState, new: ExecutionState) -> None:
    if (old.name, new.name) in _LEGAL_TASK:
        check_execution_transition("map (1/2)", old, new)
    else:
        with pytest.raises(IllegalTransitionError, match=rf"'map \(1/2\)' cannot go from {old.name} to {new.name}"):
            check_execution_transition("map (1/2)", old, new)


@pytest.mark.parametrize(("old", "new"), list(product(JobStatus, JobStatus)))
def test_job_transitions(old: JobStatus, new: JobStatus) -> None:
    if (old.name, new.name) in _LEGAL_JOB:
        check_job_transition("wc", old, new)
    else:
        with pytest.raises(IllegalTransitionError, match=f"job 'wc' cannot go from {old.name} to {new.name}"):
            check_job_transition("wc", old, new)


def test_nothing_follows_a_terminal_state() -> None:
    assert all(not after for state, after in EXECUTION_TRANSITIONS.items() if state.is_terminal())
    assert all(not after for status, after in JOB_TRANSITIONS.items() if status.is_terminal())


def test_an_execution_notes_when_it_entered_each_state() -> None:
    execution = Execution("map (1/1)", AttemptId("attempt"), 0, 10, TaskStates())
    execution.transition(ExecutionState.SCHEDULED, 20)
    execution.transition(ExecutionState.DEPLOYING, 30)
    assert execution.is_deployed()
    assert execution.state_timestamps == {
        ExecutionState.CREATED: 10,
        ExecutionState.SCHEDULED: 20,
        ExecutionState.DEPLOYING: 30,
    }
    with pytest.raises(IllegalTransitionError):
        execution.transition(ExecutionState.CREATED, 40)
    assert execution.state is ExecutionState.DEPLOYING
