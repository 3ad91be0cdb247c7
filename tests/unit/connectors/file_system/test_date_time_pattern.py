"""Dates by Java's patterns."""

from __future__ import annotations

import pickle
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.connectors.file_system.date_time_pattern import DateTimePattern, time_zone

MOMENT = 1_704_171_845_678  # 2024-01-02 05:04:05.678, a Tuesday, in UTC


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd--HH", "2024-01-02--05"),
        ("yyyy/MM/dd", "2024/01/02"),
        ("'dt='yyyyMMdd'/h='HH", "dt=20240102/h=05"),
        ("y yy yyyyy u uuuu", "2024 24 02024 2024 2024"),
        ("M MM MMM MMMM L LLL", "1 01 Jan January 1 Jan"),
        ("d dd D DDD", "2 02 2 002"),
        ("E EEE EEEE", "Tue Tue Tuesday"),
        ("H HH h hh K k a", "5 05 5 05 5 5 AM"),
        ("m mm s ss S SSS SSSSSS", "4 04 5 05 6 678 678000"),
        ("X XX XXX x xxx Z", "Z Z Z +00 +00:00 +0000"),
        ("''yyyy''''", "'2024'"),
        ("'it''s' yyyy", "it's 2024"),
        ("", ""),
    ],
)
def test_fields(pattern: str, text: str) -> None:
    made = DateTimePattern(pattern, timezone.utc)
    assert made.format(MOMENT) == text
    assert pickle.loads(pickle.dumps(made)).format(MOMENT) == text


def test_noon_and_midnight() -> None:
    hours = DateTimePattern("H h K k a", timezone.utc)
    midnight = 1_704_153_600_000
    assert hours.format(midnight) == "0 12 0 24 AM"
    assert hours.format(midnight + 12 * 3_600_000) == "12 12 0 12 PM"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "02 05 +0000"),
        ("Z", "02 05 +0000"),
        ("America/Los_Angeles", "01 21 -0800"),
        ("Asia/Kolkata", "02 10 +0530"),
        ("GMT-08:00", "01 21 -0800"),
        ("+02:00", "02 07 +0200"),
        ("UTC+5", "02 10 +0500"),
    ],
)
def test_zones(zone: str, text: str) -> None:
    assert DateTimePattern("dd HH Z", time_zone(zone)).format(MOMENT) == text


@given(st.integers(0, 4_000_000_000_000))
def test_the_default_pattern(moment: int) -> None:
    expected = datetime.fromtimestamp(moment // 1000, timezone.utc).strftime("%Y-%m-%d--%H")
    assert DateTimePattern("yyyy-MM-dd--HH", timezone.utc).format(moment) == expected
    local = datetime.fromtimestamp(moment // 1000).astimezone().strftime("%Y-%m-%d--%H")
    assert DateTimePattern("yyyy-MM-dd--HH", None).format(moment) == local


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-qq", "'qq' is not supported"),
        ("ddd", "'ddd' is not supported"),
        ("MMMMM", "'MMMMM' is not supported"),
        ("yyyy[MM]", "'\\['.*quote it"),
        ("yyyy'x", "the quote at 4 has no end"),
        ("Y", "'Y' is not supported"),
    ],
)
def test_patterns_that_are_not_known(pattern: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        DateTimePattern(pattern, None)


@pytest.mark.parametrize("zone", ["Nowhere/Land", "GMT+25:00", "", "../etc/passwd", "+01:99"])
def test_zones_that_are_not_known(zone: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        time_zone(zone)
