"""Windows that merge in a way of the program's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import MAX_TIMESTAMP
from millstream.datastream.window import (
    EventTimeSessionWindows,
    EventTimeTrigger,
    MergingWindowAssigner,
    TimeWindow,
    TimeWindowSerializer,
)
from millstream.taskmanager.operators.window.merging_window_set import WindowMapping, add_window
from millstream.testing import OperatorHarness
from tests.unit.taskmanager.operators.window.reference import key_of


class Sessions(MergingWindowAssigner[Any, TimeWindow]):
    """What the built-in sessions do, by the general rules."""

    def __init__(self, gap: int) -> None:
        self.gap = gap

    def assign_windows(self, element: Any, timestamp: int, context: Any) -> list[TimeWindow]:
        return [TimeWindow(timestamp, timestamp + self.gap)]

    def merge_windows(self, windows: Iterable[TimeWindow], callback: Any) -> None:
        TimeWindow.merge_windows(windows, callback)

    def get_default_trigger(self, env: Any) -> EventTimeTrigger[Any]:
        return EventTimeTrigger()

    def get_window_serializer(self) -> TimeWindowSerializer:
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        return True


_windows = st.builds(lambda start, size: TimeWindow(start, start + size), st.integers(0, 60), st.integers(1, 8))


@given(st.lists(_windows, max_size=20))
def test_the_general_way_and_the_one_for_sessions_are_the_same(windows: list[TimeWindow]) -> None:
    told: list[list[Any]] = []
    mappings: list[WindowMapping] = []
    assigners: list[MergingWindowAssigner[Any, TimeWindow]] = [Sessions(5), EventTimeSessionWindows(5)]
    for assigner in assigners:
        mapping: WindowMapping = {}
        log: list[Any] = []

        def merge(result: Any, merged: list[Any], state: Any, states: list[Any], log: list[Any] = log) -> None:
            log.append((result, set(merged), {state, *states}))

        for window in windows:
            log += [add_window(assigner, mapping, window, merge)]
        told.append(log)
        mappings.append(mapping)
    assert told[0] == told[1]
    assert set(mappings[0]) == set(mappings[1])


@given(st.lists(_windows, max_size=20))
def test_contents_are_in_one_place_each(windows: list[TimeWindow]) -> None:
    """Every window's contents can be found again from the window that it is a part of now."""
    mapping: WindowMapping = {}
    held: dict[Any, list[TimeWindow]] = {}

    def merge(result: Any, merged: list[Any], state: Any, states: list[Any]) -> None:
        for each in states:
            held[state] += held.pop(each)

    for window in windows:
        actual = add_window(Sessions(5), mapping, window, merge)
        held.setdefault(mapping[actual], []).append(window)
    assert sorted(mapping.values()) == sorted(held)
    for window, state_window in mapping.items():
        parts = held[state_window]
        assert window == TimeWindow(min(part.start for part in parts), max(part.end for part in parts))
    assert sum(map(len, held.values())) == len(windows)


class Broken(Sessions):
    """Merges to a window that has been over for long, or one that is not there."""

    def __init__(self, together: list[TimeWindow], result: TimeWindow) -> None:
        super().__init__(10)
        self.together = together
        self.result = result

    def merge_windows(self, windows: Iterable[TimeWindow], callback: Any) -> None:
        callback.merge(self.together or list(windows), self.result)


def shown(key: Any, window: TimeWindow, inputs: Iterable[Any]) -> Iterator[Any]:
    yield key, window.start, window.end, list(inputs)


@pytest.mark.parametrize(
    ("together", "result", "message"),
    [
        ([], TimeWindow(0, 1), "windows cannot become shorter by merging"),
        ([TimeWindow(1, 2), TimeWindow(3, 4)], TimeWindow(1, 4), "it can merge those windows only that it is given"),
    ],
)
def test_merges_that_cannot_be(together: list[TimeWindow], result: TimeWindow, message: str) -> None:
    with OperatorHarness(lambda s: s.key_by(key_of).window(Broken(together, result)).apply(shown)) as harness:
        harness.process_watermark(50)
        harness.process_element(("a", 1), 60)
        with pytest.raises(Exception, match=message):
            harness.process_element(("a", 2), 65)


class Growing(Sessions):
    """Windows of which the first is grown by those that come, whatever their time."""

    def merge_windows(self, windows: Iterable[TimeWindow], callback: Any) -> None:
        all_windows = list(windows)
        callback.merge(all_windows, TimeWindow(0, max(window.end for window in all_windows)))


def test_an_assigner_may_merge_windows_that_do_not_touch() -> None:
    with OperatorHarness(lambda s: s.key_by(key_of).window(Growing(10)).apply(shown)) as harness:
        harness.process_batch([("a", 1), ("a", 2), ("b", 3)], [0, 50, 7])
        harness.process_watermark(30)
        assert harness.take_output() == [("b", 7, 17, [("b", 3)])]
        harness.process_watermark(MAX_TIMESTAMP)
        assert harness.take_output() == [("a", 0, 60, [("a", 1), ("a", 2)])]
        assert harness.num_keyed_state_entries() == harness.num_event_time_timers() == 0
