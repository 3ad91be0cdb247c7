"""Lengths and points of time."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Duration, Instant, Time
from millstream.common.time import milliseconds_of


@pytest.mark.parametrize(
    ("duration", "millis", "text"),
    [
        (Duration.of_days(2), 172_800_000, "PT48H"),
        (Duration.of_hours(1), 3_600_000, "PT1H"),
        (Duration.of_minutes(90), 5_400_000, "PT1H30M"),
        (Duration.of_seconds(0), 0, "PT0S"),
        (Duration.of_seconds(-5), -5000, "PT-5S"),
        (Duration.of_millis(1500), 1500, "PT1.5S"),
        (Duration.of_nanos(1), 0, "PT0.000000001S"),
        (Duration.of_nanos(-1), -1, "PT-0.000000001S"),
    ],
)
def test_durations(duration: Duration, millis: int, text: str) -> None:
    assert duration.to_millis() == milliseconds_of(duration) == millis
    assert repr(duration) == text
    assert pickle.loads(pickle.dumps(duration)) == duration == Duration.of_nanos(duration.to_nanos())
    assert hash(duration) == hash(Duration.of_nanos(duration.to_nanos()))
    assert duration != Duration.of_nanos(duration.to_nanos() + 1)
    assert duration != millis


@pytest.mark.parametrize(
    ("time", "millis"),
    [
        (Time.milliseconds(5), 5),
        (Time.seconds(5), 5000),
        (Time.minutes(5), 300_000),
        (Time.hours(5), 18_000_000),
        (Time.days(5), 432_000_000),
    ],
)
def test_times(time: Time, millis: int) -> None:
    assert time.to_milliseconds() == milliseconds_of(time) == time.to_duration().to_millis() == millis
    assert pickle.loads(pickle.dumps(time)) == time == Time(millis)
    assert repr(time) == f"{millis} ms"
    assert len({time, Time(millis), Time(millis + 1)}) == 2


def test_other_lengths() -> None:
    assert milliseconds_of(timedelta(seconds=1, microseconds=1)) == 1000
    for wrong in (5, 5.0, "5 s", None):
        with pytest.raises(TypeError, match=r"Duration\.of_seconds"):
            milliseconds_of(wrong)  # type: ignore[arg-type]  # the mistake itself


@pytest.mark.parametrize("make", [Duration.of_seconds, Duration.of_nanos, Time.seconds, Time])
@pytest.mark.parametrize("wrong", [1.5, "1", True, None])
def test_a_length_is_a_whole_number(make: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match="is not a whole number of"):
        make(wrong)


@given(st.integers(-(2**62), 2**62))
def test_instants(millis: int) -> None:
    instant = Instant.of_epoch_milli(millis)
    assert instant.to_epoch_milli() == millis
    assert 0 <= instant.nanos < 10**9
    assert pickle.loads(pickle.dumps(instant)) == instant
    assert len({instant, Instant(instant.seconds, instant.nanos)}) == 1
    assert repr(instant) == f"Instant<{instant.seconds}, {instant.nanos}>"
    assert instant != millis
