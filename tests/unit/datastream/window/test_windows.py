"""Windows as values."""

from __future__ import annotations

import pickle
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import MAX_TIMESTAMP
from millstream.datastream.window import (
    CountWindow,
    CountWindowSerializer,
    GlobalWindow,
    GlobalWindowSerializer,
    MergingWindowAssigner,
    TimeWindow,
    TimeWindowSerializer,
    TriggerResult,
)

_windows = st.builds(lambda start, size: TimeWindow(start, start + size), st.integers(-30, 30), st.integers(1, 10))


class Merges(MergingWindowAssigner.MergeCallback[TimeWindow]):
    def __init__(self) -> None:
        self.found: list[tuple[set[TimeWindow], TimeWindow]] = []

    def merge(self, to_be_merged: Any, merge_result: TimeWindow) -> None:
        self.found.append((set(to_be_merged), merge_result))


@given(st.lists(_windows, max_size=12))
def test_windows_that_overlap_or_touch_merge(windows: list[TimeWindow]) -> None:
    merges = Merges()
    TimeWindow.merge_windows(windows, merges)
    merged = {window for together, _ in merges.found for window in together}
    assert len(merged) == sum(len(together) for together, _ in merges.found)
    for together, result in merges.found:
        assert len(together) > 1
        assert result == TimeWindow(min(each.start for each in together), max(each.end for each in together))
    after = [result for _, result in merges.found] + [window for window in set(windows) if window not in merged]
    assert not any(one.intersects(other) for one in after for other in after if one is not other)


@given(_windows, _windows)
def test_time_windows_are_ordered_by_start_and_end(one: TimeWindow, other: TimeWindow) -> None:
    assert (one < other) == ((one.start, one.end) < (other.start, other.end))
    assert (one <= other) == (one < other or one == other)
    assert (one > other) == (other < one)
    assert (one == other) == (hash(one) == hash(other) and not one < other and not other < one)
    assert one.cover(other) == other.cover(one)
    assert one.intersects(other) == other.intersects(one)


@given(st.integers(-100, 100), st.integers(-9, 9), st.integers(10, 20))
def test_the_window_of_a_timestamp(timestamp: int, offset: int, size: int) -> None:
    start = TimeWindow.get_window_start_with_offset(timestamp, offset, size)
    assert start <= timestamp < start + size
    assert (start - offset) % size == 0


def test_time_window() -> None:
    window = TimeWindow(10, 20)
    assert (window.start, window.end, window.get_start(), window.get_end(), window.max_timestamp()) == (
        10,
        20,
        10,
        20,
        19,
    )
    assert repr(window) == "TimeWindow(start=10, end=20)"
    assert window != CountWindow(10)
    with pytest.raises(TypeError):
        assert window < 3  # type: ignore[operator]  # that is the point


def test_count_window_and_global_window() -> None:
    assert CountWindow(3) == CountWindow(3)
    assert CountWindow(3) != CountWindow(4)
    assert CountWindow(3).id == 3
    assert repr(CountWindow(3)) == "CountWindow(id=3)"
    assert GlobalWindow() == GlobalWindow.get()
    assert hash(GlobalWindow()) == hash(GlobalWindow.get())
    assert repr(GlobalWindow.get()) == "GlobalWindow"
    assert GlobalWindow() != CountWindow(0)
    assert CountWindow(3).max_timestamp() == GlobalWindow.get().max_timestamp() == MAX_TIMESTAMP


@pytest.mark.parametrize(
    ("window", "serializer"),
    [
        (TimeWindow(-5, 1 << 62), TimeWindowSerializer()),
        (CountWindow(7), CountWindowSerializer()),
        (GlobalWindow(), GlobalWindowSerializer()),
    ],
)
def test_windows_as_bytes(window: Any, serializer: Any) -> None:
    assert pickle.loads(pickle.dumps(window)) == window
    stream = BytesIO()
    serializer.serialize(window, stream)
    serializer.serialize(window, stream)
    stream.seek(0)
    assert [serializer.deserialize(stream), serializer.deserialize(stream)] == [window, window]
    assert stream.read() == b""


def test_trigger_results() -> None:
    assert {(each.name, each.is_fire(), each.is_purge()) for each in TriggerResult} == {
        ("CONTINUE", False, False),
        ("FIRE", True, False),
        ("PURGE", False, True),
        ("FIRE_AND_PURGE", True, True),
    }
