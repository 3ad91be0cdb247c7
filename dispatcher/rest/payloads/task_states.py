"""States of tasks: counted, put together, and how long they took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from millstream.common.states import ExecutionState
from millstream.common.wire.cluster_pb2 import SubtaskDetails

__all__ = [
    "MEASURED_STATES",
    "LifeTime",
    "common_life_time",
    "common_state",
    "life_time",
    "state_counts",
    "state_durations",
]

_TERMINAL: Final = frozenset(state.name for state in ExecutionState if state.is_terminal())
MEASURED_STATES: Final = ("CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING")
"""Those of a task that has not ended, in their order."""
_IN_ORDER: Final = (*MEASURED_STATES, "CANCELING", *sorted(_TERMINAL))


@dataclass(frozen=True, slots=True)
class LifeTime:
    """From when to when something runs, in ms.

    :ivar start: since the epoch; -1: it was not deployed yet.
    :ivar end: -1: it has not ended.
    :ivar duration: up to now if it has not ended; -1 if it has not begun.
    """

    start: int
    end: int
    duration: int


def state_counts(states: Iterable[str]) -> dict[str, int]:
    """Return for each state how many are in it."""
    counts = dict.fromkeys((state.name for state in ExecutionState), 0)
    for state in states:
        counts[state] += 1
    return counts


def common_state(counts: Mapping[str, int]) -> str:
    """Return the state of several tasks taken together.

    One that has failed or is cancelled decides; else one that has begun to run; else they count as created, unless all
    have finished.

    :param counts: of each state, how many are in it.
    """
    for state in ("FAILED", "CANCELING", "CANCELED", "INITIALIZING", "RUNNING"):
        if counts[state]:
            return state
    if counts["FINISHED"]:
        return "FINISHED" if counts["FINISHED"] == sum(counts.values()) else "RUNNING"
    return "CREATED"


def life_time(subtask: SubtaskDetails, now_ms: int) -> LifeTime:
    """Return from when to when an attempt runs: from its deployment to its end."""
    start = subtask.state_timestamps.get("DEPLOYING", 0) or -1
    end = subtask.state_timestamps.get(subtask.state, -1) if subtask.state in _TERMINAL else -1
    if start < 0:
        return LifeTime(-1, end, -1)
    return LifeTime(start, end, max(0, (end if end > 0 else now_ms) - start))


def common_life_time(subtasks: Sequence[SubtaskDetails], now_ms: int) -> LifeTime:
    """Return from when to when any of the tasks runs."""
    started = [at for subtask in subtasks if (at := subtask.state_timestamps.get("DEPLOYING", 0))]
    if not started:
        return LifeTime(-1, -1, -1)
    start = min(started)
    if any(subtask.state not in _TERMINAL for subtask in subtasks):
        return LifeTime(start, -1, max(0, now_ms - start))
    end = max(subtask.state_timestamps.get(subtask.state, start) for subtask in subtasks)
    return LifeTime(start, end, end - start)


def state_durations(subtask: SubtaskDetails, now_ms: int) -> dict[str, int]:
    """Return how long an attempt was in each state before it ended, up to now where it still is; -1: it never was."""
    entered = subtask.state_timestamps
    durations = {}
    for index, state in enumerate(MEASURED_STATES):
        since = entered.get(state, 0)
        if not since:
            durations[state] = -1
            continue
        later = [at for other in _IN_ORDER[index + 1 :] if (at := entered.get(other, 0))]
        durations[state] = max(0, min(later, default=now_ms) - since)
    return durations
