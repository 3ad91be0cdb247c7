"""Laws of a task's states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.states import ExecutionState
from millstream.taskmanager.task.task_state import TaskState

_EVENTS = ["initialize", "run", "finish", "cancel", "cancelled", "fail"]


@given(st.lists(st.sampled_from(_EVENTS), max_size=20))
def test_a_task_ends_at_most_once_and_never_goes_back(events: list[str]) -> None:
    state = TaskState()
    reported: list[ExecutionState] = []
    wanted_to_end = False
    for event in events:
        try:
            told = getattr(state, event)()
        except ValueError:
            continue
        if event == "cancel":
            wanted_to_end = wanted_to_end or told
        elif told is not None:
            reported.append(told)
    order = [ExecutionState.INITIALIZING, ExecutionState.RUNNING, ExecutionState.FINISHED]
    ends = [each for each in reported if each.is_terminal()]
    assert len(ends) <= 1
    assert not ends or reported[-1] is ends[0]
    assert [each for each in reported if each in order] == [each for each in order if each in reported]
    if wanted_to_end and ends:
        assert ends == [ExecutionState.CANCELED]
    assert state.terminal is bool(ends)


def test_a_step_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match="CREATED cannot become RUNNING"):
        TaskState().run()


def test_a_failure_after_a_cancellation_is_its_echo() -> None:
    state = TaskState()
    state.initialize()
    assert state.cancel()
    assert not state.cancel()
    assert state.run() is None
    assert state.fail() is ExecutionState.CANCELED
    assert state.fail() is None
