"""W6: visits: sessions of 1,000 users with a gap of 100 ms.

Clicks come ten in a millisecond, less than 100 ms out of order, so a user's are 100 ms apart on average: sessions have
between one click and a dozen, and some of them merge when the click in between comes at last.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.workloads.readings import (
    MOST_DISORDER_MS,
    Reading,
    ReadingTime,
    TotalsSink,
    sensor_of,
    timed,
)
from millstream.common import Time
from millstream.datastream.functions import AggregateFunction
from millstream.datastream.window import EventTimeSessionWindows

if TYPE_CHECKING:
    from millstream.datastream import StreamExecutionEnvironment

__all__ = ["bare_sessions", "sessions_job"]

_GAP_MS = 100
_USERS = 1_000
_Visit = tuple[int, int, int]
_Session = list[Any]
"""Start, end and what was added up."""


def make_click(number: int) -> Reading:
    """A click is ``(user, timestamp in ms, seconds on the page)``."""
    mixed = number * 2654435761 & 0xFFFFFFFF
    mixed ^= mixed >> 15
    return (mixed >> 4) % _USERS, number // 10 - mixed % MOST_DISORDER_MS, (mixed >> 8) % 400


class Visit(AggregateFunction):
    """A user and the time spent in a session, with something for each click."""

    def create_accumulator(self) -> _Visit:
        return 0, 0, 0

    def add(self, value: Reading, accumulator: _Visit) -> _Visit:
        return value[0], accumulator[1] + value[2], accumulator[2] + 1

    def get_result(self, accumulator: _Visit) -> tuple[int, int]:
        return accumulator[0], accumulator[1] + accumulator[2] * accumulator[2]

    def merge(self, acc_a: _Visit, acc_b: _Visit) -> _Visit:
        return acc_a[0], acc_a[1] + acc_b[1], acc_a[2] + acc_b[2]


def sessions_job(env: StreamExecutionEnvironment, count: str, directory: str) -> None:
    clicks = timed(env.from_sequence(1, int(count)).map(make_click))
    windows = clicks.key_by(sensor_of).window(EventTimeSessionWindows.with_gap(Time.milliseconds(_GAP_MS)))
    windows.aggregate(Visit()).add_sink(TotalsSink(directory))


def bare_sessions(count: str, directory: str) -> float:
    """W6 without an engine; returns seconds."""
    sink = TotalsSink(directory)
    visit = Visit()
    timestamps = ReadingTime()
    users: dict[int, list[_Session]] = {}  # of each the open sessions, first to last
    latest = -MOST_DISORDER_MS
    next_step = 0
    started = time.perf_counter()
    for number in range(1, int(count) + 1):
        click = make_click(number)
        timestamp = timestamps.extract_timestamp(click, -1)
        end = timestamp + _GAP_MS
        user = sensor_of(click)
        sessions = users.get(user)
        if sessions is None:
            users[user] = [[timestamp, end, visit.add(click, visit.create_accumulator())]]
        else:
            session = sessions[-1]
            if session[0] <= timestamp <= session[1]:
                session[2] = visit.add(click, session[2])
                if end > session[1]:
                    session[1] = end
            elif timestamp > session[1]:
                sessions.append([timestamp, end, visit.add(click, visit.create_accumulator())])
            else:
                _put_in(sessions, click, timestamp, visit)
        if timestamp > latest:
            latest = timestamp
            if latest >= next_step:
                next_step = latest + _GAP_MS
                _fire(users, latest - MOST_DISORDER_MS, visit, sink)
    _fire(users, None, visit, sink)
    elapsed = time.perf_counter() - started
    sink.close()
    return elapsed


def _put_in(sessions: list[_Session], click: Reading, timestamp: int, visit: Visit) -> None:
    """Add a click that does not belong to the last session only."""
    end = timestamp + _GAP_MS
    first = 0
    while first < len(sessions) and sessions[first][1] < timestamp:
        first += 1
    after = first
    while after < len(sessions) and sessions[after][0] <= end:
        after += 1
    if first == after:
        sessions.insert(first, [timestamp, end, visit.add(click, visit.create_accumulator())])
        return
    session = sessions[first]
    for other in sessions[first + 1 : after]:
        session[2] = visit.merge(session[2], other[2])
    session[0] = min(session[0], timestamp)
    session[1] = max(sessions[after - 1][1], end)
    session[2] = visit.add(click, session[2])
    del sessions[first + 1 : after]


def _fire(users: dict[int, list[_Session]], now: int | None, visit: Visit, sink: TotalsSink) -> None:
    """Emit the sessions that end by ``now`` (``None``: all)."""
    for user, sessions in list(users.items()):
        while sessions and (now is None or sessions[0][1] <= now):
            sink.invoke(visit.get_result(sessions.pop(0)[2]), None)
        if not sessions:
            del users[user]
