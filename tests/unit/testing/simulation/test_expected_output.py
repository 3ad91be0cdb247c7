"""The model of what jobs give, by examples that are worked out by hand, and by what must hold for any job."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.testing.simulation.drawn_runs import draw_run
from millstream.testing.simulation.events import copies_of, event, is_whole, next_of_key, survivors
from millstream.testing.simulation.expected_output import expected_lines
from millstream.testing.simulation.job_spec import (
    IntervalJoinStage,
    JobSpec,
    ReduceStage,
    StreamSpec,
    TimersStage,
    TotalsStage,
    WindowJoinStage,
    WindowStage,
    draw_job,
)

FOUR = StreamSpec("left", 4, keys=2, splits=1, step_ms=100, disorder_ms=0)
"""Numbers 0 to 3 at 1 000 000, 1 000 100, ...; keys 0 and 1 in turn."""


def amounts(*numbers: int) -> int:
    return sum(event(FOUR, number).amount for number in numbers)


def test_tumbling_windows() -> None:
    lines = expected_lines(JobSpec((FOUR,), WindowStage("tumbling", 300), parallelism=1))
    # The windows begin at multiples of 300: 999 900, 1 000 200.
    assert lines == [
        f"window 0 1000200 1000500 1 {amounts(2)}",
        f"window 0 999900 1000200 1 {amounts(0)}",
        f"window 1 1000200 1000500 1 {amounts(3)}",
        f"window 1 999900 1000200 1 {amounts(1)}",
    ]


def test_sliding_windows() -> None:
    lines = expected_lines(JobSpec((FOUR,), WindowStage("sliding", 200, 100), parallelism=1))
    assert [line for line in lines if line.startswith("window 0")] == [
        f"window 0 1000000 1000200 1 {amounts(0)}",
        f"window 0 1000100 1000300 1 {amounts(2)}",
        f"window 0 1000200 1000400 1 {amounts(2)}",
        f"window 0 999900 1000100 1 {amounts(0)}",
    ]


@pytest.mark.parametrize(("gap", "windows"), [(199, 4), (200, 2)])
def test_sessions_that_touch_are_one(gap: int, windows: int) -> None:
    assert len(expected_lines(JobSpec((FOUR,), WindowStage("session", gap), parallelism=1))) == windows


def test_late_events_are_told_of_and_those_within_the_lateness_tell_their_window_again() -> None:
    stream = StreamSpec("left", 12, keys=1, splits=1, step_ms=100, disorder_ms=0, late_every=4)
    # Numbers 3 and 11 are 60 ms late and 7 is 700 ms late, each besides a step.
    times = [event(stream, number).timestamp - 1_000_000 for number in range(12)]
    assert times == [0, 100, 200, 140, 400, 500, 600, -100, 800, 900, 1000, 940]
    spec = JobSpec((stream,), WindowStage("tumbling", 100), parallelism=1)
    assert [line for line in expected_lines(spec) if line.startswith("late")] == [
        "late left 11 0",
        "late left 3 0",
        "late left 7 0",
    ]
    spec = JobSpec((stream,), WindowStage("tumbling", 100, lateness_ms=150), parallelism=1)
    lines = expected_lines(spec)
    assert [line for line in lines if line.startswith("late")] == ["late left 7 0"]
    first = [line for line in lines if line.startswith("window 0 1000100 1000200")]
    assert [line.split()[4] for line in first] == ["1", "2"]


def test_joins() -> None:
    streams = (FOUR, StreamSpec("right", 2, keys=2, splits=1, step_ms=100, disorder_ms=0))
    assert expected_lines(JobSpec(streams, WindowJoinStage(300), parallelism=1)) == ["pair 0 0 0 0 0", "pair 1 1 0 1 0"]
    assert expected_lines(JobSpec(streams, IntervalJoinStage(-200, 0), parallelism=1)) == [
        "pair 0 0 0 0 0",
        "pair 0 2 0 0 0",
        "pair 1 1 0 1 0",
        "pair 1 3 0 1 0",
    ]


def test_totals_and_buckets() -> None:
    assert len(expected_lines(JobSpec((FOUR,), TotalsStage(1), parallelism=1))) == 4
    assert len(expected_lines(JobSpec((FOUR,), TotalsStage(2), parallelism=1))) == 2
    assert expected_lines(JobSpec((FOUR,), ReduceStage(), parallelism=1))[1] == f"reduced 0 2 {amounts(0, 2)}"
    assert f"bucket 0 1000500 1 {amounts(2)}" in expected_lines(JobSpec((FOUR,), TimersStage(300), parallelism=1))


@given(st.integers(0, 10_000))
def test_a_stream_s_events_are_known_from_their_numbers(seed: int) -> None:
    for stream in draw_job(random.Random(seed), events=40).streams:
        last: dict[int, tuple[int, int]] = {}
        for one in survivors(stream):
            assert is_whole(one)
            assert not is_whole(one._replace(amount=one.amount + 1))
            assert next_of_key(stream, one.key, last.get(one.key)) == (one.number, one.copy)
            last[one.key] = one.number, one.copy
        assert all(next_of_key(stream, key, place) is None for key, place in last.items())
        numbers = Counter(one.number for one in survivors(stream))
        assert all(numbers[number] == copies_of(stream, number) for number in range(stream.count))


@given(st.integers(0, 10_000))
def test_what_is_drawn_can_be_run(seed: int) -> None:
    job, shape, trouble = draw_run(seed)
    assert expected_lines(job)
    assert shape.task_managers * shape.slots > job.slots
    assert trouble.kinds
    assert draw_run(seed) == (job, shape, trouble)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StreamSpec("left", 4, keys=3, splits=2), "3 keys do not divide among 2 splits"),
        (lambda: StreamSpec("left", 4, late_every=2), "needs one split"),
        (lambda: JobSpec((FOUR,), WindowJoinStage()), "has 2 or 2 streams, not 1"),
        (lambda: JobSpec((FOUR,), TotalsStage(), parallelism=2), "needs events in order"),
        (lambda: JobSpec((FOUR, FOUR), ReduceStage(), parallelism=1), "takes one stream"),
    ],
)
def test_what_no_job_can_be(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
