"""How long a job was in which status, and how long its tasks were being deployed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.states import ExecutionState, JobStatus
from millstream.jobmanager.execution_graph.status_times import StatusTimes
from millstream.jobmanager.execution_graph.task_states import TaskStates

_J = JobStatus
_E = ExecutionState


def test_present_and_total_time() -> None:
    times = StatusTimes(_J.RUNNING, 10)
    times.entered(_J.RESTARTING, 15)
    times.entered(_J.RUNNING, 18)
    assert (times.present_ms(_J.RUNNING, 20), times.total_ms(_J.RUNNING, 20)) == (2, 7)
    assert (times.present_ms(_J.RESTARTING, 20), times.total_ms(_J.RESTARTING, 20)) == (0, 3)
    assert (times.timestamps[_J.RUNNING], times.last_change_ms, times.began_ms) == (18, 18, 10)


@given(st.lists(st.tuples(st.sampled_from([_J.RUNNING, _J.RESTARTING, _J.FAILING]), st.integers(0, 9))))
def test_all_time_is_spent_in_some_status(steps: list[tuple[JobStatus, int]]) -> None:
    times, now = StatusTimes(_J.CREATED, 0), 0
    for status, passed in steps:
        now += passed
        times.entered(status, now)
    now += 3
    assert sum(times.total_ms(status, now) for status in JobStatus) == now


def test_a_job_is_being_deployed_as_long_as_some_task_is() -> None:
    states = TaskStates()
    for _ in range(2):
        states.entered(_E.CREATED, 0)

    def go(old: ExecutionState, new: ExecutionState, at: int) -> None:
        states.entered(new, at)
        states.left(old, at)

    go(_E.CREATED, _E.DEPLOYING, 10)
    go(_E.CREATED, _E.DEPLOYING, 12)
    go(_E.DEPLOYING, _E.INITIALIZING, 13)
    go(_E.INITIALIZING, _E.RUNNING, 14)
    assert (states.is_deploying, states.deploying_ms(15), states.deploying_total_ms(15)) == (True, 5, 5)
    go(_E.DEPLOYING, _E.RUNNING, 17)
    assert (states.is_deploying, states.deploying_ms(20), states.deploying_total_ms(20)) == (False, 0, 7)
    assert states.counts() == {_E.RUNNING: 2}
    assert (states.total, states.last_change_ms) == (2, 17)
