"""States of tasks: what they come to together, and how long they last."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.states import ExecutionState
from millstream.common.wire.cluster_pb2 import SubtaskDetails
from millstream.dispatcher.rest.payloads.task_states import (
    LifeTime,
    common_life_time,
    common_state,
    life_time,
    state_counts,
    state_durations,
)

_STATES = st.sampled_from([state.name for state in ExecutionState])
_NOW = 10_000


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("RUNNING FAILED CANCELING", "FAILED"),
        ("RUNNING CANCELING CANCELED", "CANCELING"),
        ("CANCELED FINISHED", "CANCELED"),
        ("INITIALIZING RUNNING", "INITIALIZING"),
        ("RUNNING FINISHED", "RUNNING"),
        ("FINISHED SCHEDULED", "RUNNING"),
        ("FINISHED FINISHED", "FINISHED"),
        ("SCHEDULED DEPLOYING", "CREATED"),
        ("", "CREATED"),
    ],
)
def test_the_state_of_several_tasks(states: str, expected: str) -> None:
    assert common_state(state_counts(states.split())) == expected


@given(states=st.lists(_STATES))
def test_counts_have_all_ten_states(states: list[str]) -> None:
    counts = state_counts(states)
    assert set(counts) == {state.name for state in ExecutionState}
    assert sum(counts.values()) == len(states)


@given(
    gaps=st.lists(st.integers(0, 100), min_size=1, max_size=5),
    end=st.sampled_from(["", "FINISHED", "FAILED", "CANCELED"]),
)
def test_durations_add_up_to_the_whole_life(gaps: list[int], end: str) -> None:
    path = ["CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING"][: len(gaps)]
    times = [1_000]
    for gap in gaps:
        times.append(times[-1] + gap)
    subtask = SubtaskDetails(state=end or path[-1], state_timestamps=dict(zip(path, times, strict=False)))
    if end:
        subtask.state_timestamps[end] = times[-1]
    durations = state_durations(subtask, _NOW)
    reached = [durations[state] for state in path]
    assert sum(reached) == (times[-1] if end else _NOW) - 1_000
    assert reached[:-1] == [later - at for at, later in pairwise(times[:-1])]
    assert all(durations[state] == -1 for state in durations if state not in path)


def test_a_life_begins_with_the_deployment() -> None:
    waiting = SubtaskDetails(state="SCHEDULED", state_timestamps={"CREATED": 1, "SCHEDULED": 2})
    running = SubtaskDetails(state="RUNNING", state_timestamps={"DEPLOYING": 4_000, "RUNNING": 5_000})
    finished = SubtaskDetails(state="FINISHED", state_timestamps={"DEPLOYING": 4_500, "FINISHED": 7_000})
    never = SubtaskDetails(state="CANCELED", state_timestamps={"CREATED": 1, "CANCELED": 3})
    assert life_time(waiting, _NOW) == LifeTime(-1, -1, -1)
    assert life_time(running, _NOW) == LifeTime(4_000, -1, 6_000)
    assert life_time(finished, _NOW) == LifeTime(4_500, 7_000, 2_500)
    assert life_time(never, _NOW) == LifeTime(-1, 3, -1)
    assert common_life_time([waiting], _NOW) == LifeTime(-1, -1, -1)
    assert common_life_time([waiting, running, finished], _NOW) == LifeTime(4_000, -1, 6_000)
    assert common_life_time([finished, never], _NOW) == LifeTime(4_500, 7_000, 2_500)


def test_a_clock_that_was_set_back_makes_no_negative_durations() -> None:
    running = SubtaskDetails(state="RUNNING", state_timestamps={"DEPLOYING": _NOW + 5, "RUNNING": _NOW + 6})
    assert life_time(running, _NOW).duration == 0
    assert state_durations(running, _NOW)["RUNNING"] == 0
