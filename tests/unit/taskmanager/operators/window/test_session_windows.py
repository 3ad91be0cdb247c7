"""Sessions, which merge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import MAX_TIMESTAMP
from millstream.common.time import Time
from millstream.datastream import OutputTag
from millstream.datastream.functions import AggregateFunction, ProcessWindowFunction
from millstream.datastream.window import (
    EventTimeSessionWindows,
    ProcessingTimeSessionWindows,
    SessionWindowTimeGapExtractor,
    TimeWindow,
)
from millstream.testing import OperatorHarness
from tests.unit.taskmanager.operators.window.reference import Element, NaiveSessions, Step, key_of, steps

LATE = OutputTag("late")


class Elements(ProcessWindowFunction[Any, Any, Any, TimeWindow]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        window = context.window()
        yield key, window.start, window.end, sorted(number for _, number, _ in elements)


class Numbers(AggregateFunction):
    def create_accumulator(self) -> list[int]:
        return []

    def add(self, value: Element, accumulator: list[int]) -> list[int]:
        accumulator.append(value[1])
        return accumulator

    def get_result(self, accumulator: list[int]) -> list[int]:
        return sorted(accumulator)

    def merge(self, acc_a: list[int], acc_b: list[int]) -> list[int]:
        acc_a.extend(acc_b)
        return acc_a


def described(key: Any, window: TimeWindow, inputs: Iterable[Any]) -> Iterator[Any]:
    for numbers in inputs:
        yield key, window.start, window.end, numbers


class GapOfNumber(SessionWindowTimeGapExtractor):
    def extract(self, element: Element) -> int:
        return gap_of_number(element)


def gap_of_number(element: Element) -> int:
    return 1 + element[1] * 7 % 10


def drive(harness: OperatorHarness, stream: list[Step], naive: NaiveSessions | None = None) -> None:
    for step in stream:
        if isinstance(step, int):
            harness.process_watermark(step)
            if naive is not None:
                naive.advance(step)
        elif step:
            harness.process_batch(step, [timestamp for _, _, timestamp in step])
            if naive is not None:
                for element in step:
                    naive.add(element)


@given(steps(), st.integers(1, 15), st.integers(0, 10), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 8))
def test_sessions_are_those_of_the_reference(
    stream: list[Step], gap: int, lateness: int, dynamic: bool, aggregate: bool, tagged: bool, stop: int
) -> None:
    def fragment(stream: Any) -> Any:
        assigner: Any = (
            EventTimeSessionWindows.with_dynamic_gap(GapOfNumber()) if dynamic else EventTimeSessionWindows(gap)
        )
        windows = stream.key_by(key_of).window(assigner).allowed_lateness(lateness)
        if tagged:
            windows = windows.side_output_late_data(LATE)
        return windows.aggregate(Numbers(), described) if aggregate else windows.process(Elements())

    naive = NaiveSessions(gap_of_number if dynamic else lambda _: gap, lateness)
    with OperatorHarness(fragment) as harness:
        drive(harness, stream[:stop], naive)
        got = harness.get_output_with_timestamps()
        late = harness.get_side_output(LATE)
        dropped = harness.late_records_dropped()
        resumed = harness.restore(harness.snapshot())
    with resumed as harness:
        drive(harness, stream[stop:], naive)
        drive(harness, [MAX_TIMESTAMP], naive)
        got += harness.get_output_with_timestamps()
        late += harness.get_side_output(LATE)
        dropped += harness.late_records_dropped()
        assert harness.num_keyed_state_entries() == 0
        assert harness.num_event_time_timers() == 0
    assert sorted(value for value, _ in got) == sorted(naive.fired)
    assert all(timestamp == value[2] - 1 for value, timestamp in got)
    assert late == (naive.late if tagged else [])
    assert dropped == (0 if tagged else len(naive.late))


@given(steps(disorder=0), st.integers(1, 6), st.lists(st.integers(1, 12), min_size=12, max_size=12))
def test_sessions_in_processing_time(stream: list[Step], gap: int, passed: list[int]) -> None:
    """The clock does what watermarks do, and nothing can be late."""
    naive = NaiveSessions(lambda _: gap)
    batches = [step for step in stream if not isinstance(step, int)]
    with OperatorHarness(
        lambda s: s.key_by(key_of).window(ProcessingTimeSessionWindows(gap)).process(Elements())
    ) as harness:
        for batch, by in zip(batches, passed, strict=False):
            harness.advance_processing_time(by)
            now = harness.get_processing_time()
            naive.advance(now - 1)
            for key, number, _ in batch:
                harness.process_element((key, number, now))
                naive.add((key, number, now))
        harness.advance_processing_time(100)
        naive.advance(harness.get_processing_time())
        assert sorted(harness.get_output()) == sorted(naive.fired)
        assert harness.num_keyed_state_entries() == 0
        assert harness.num_processing_time_timers() == 0


def test_sessions_that_touch_are_one() -> None:
    with OperatorHarness(
        lambda s: s.key_by(key_of).window(EventTimeSessionWindows.with_gap(Time.milliseconds(5))).process(Elements())
    ) as harness:
        drive(harness, [[("a", 0, 0), ("a", 1, 5), ("a", 2, 11)], MAX_TIMESTAMP])
        assert harness.get_output() == [("a", 0, 10, [0, 1]), ("a", 11, 16, [2])]


def test_a_late_element_is_in_time_if_it_belongs_to_an_open_session() -> None:
    with OperatorHarness(lambda s: s.key_by(key_of).window(EventTimeSessionWindows(10)).process(Elements())) as harness:
        drive(harness, [[("a", 0, 10)], 15, [("a", 1, 2), ("a", 2, -20), ("b", 3, 2)], MAX_TIMESTAMP])
        assert harness.get_output() == [("a", 2, 20, [0, 1])]
        assert harness.late_records_dropped() == 2


def test_a_session_that_has_fired_fires_again_with_what_joins_it_while_it_is_kept() -> None:
    with OperatorHarness(
        lambda s: s.key_by(key_of).window(EventTimeSessionWindows(10)).allowed_lateness(20).process(Elements())
    ) as harness:
        drive(harness, [[("a", 0, 0)], 9])
        assert harness.take_output() == [("a", 0, 10, [0])]
        drive(harness, [[("a", 1, -5)]])
        assert harness.take_output() == [("a", -5, 10, [0, 1])]
        drive(harness, [[("a", 2, 4)]])  # now it ends later than event time
        assert harness.take_output() == []
        drive(harness, [13])
        assert harness.take_output() == [("a", -5, 14, [0, 1, 2])]
        drive(harness, [33, [("a", 3, 4)], MAX_TIMESTAMP])
        assert harness.take_output() == []
        assert harness.late_records_dropped() == 1
        assert harness.num_keyed_state_entries() == harness.num_event_time_timers() == 0


def test_a_gap_that_is_not_positive_is_the_extractors_fault() -> None:
    with (
        OperatorHarness(
            lambda s: s.key_by(key_of).window(EventTimeSessionWindows.with_dynamic_gap(GapOfZero())).process(Elements())
        ) as harness,
        pytest.raises(Exception, match="0 < gap") as caught,
    ):
        harness.process_element(("a", 0, 0), 0)
    assert "GapOfZero" in str(caught.value)


class GapOfZero(SessionWindowTimeGapExtractor):
    def extract(self, element: Any) -> int:
        return 0
