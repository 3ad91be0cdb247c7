"""Which windows elements are put into."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import MIN_TIMESTAMP
from millstream.common.time import Duration, Time
from millstream.datastream.window import (
    ContinuousEventTimeTrigger,
    ContinuousProcessingTimeTrigger,
    CountSlidingWindowAssigner,
    CountTrigger,
    CountTumblingWindowAssigner,
    DeltaEvictor,
    DeltaTrigger,
    DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
    EventTimeSessionWindows,
    EventTimeTrigger,
    GlobalWindows,
    NeverTrigger,
    ProcessingTimeoutTrigger,
    ProcessingTimeSessionWindows,
    ProcessingTimeTrigger,
    PurgingTrigger,
    SessionWindowTimeGapExtractor,
    SlidingEventTimeWindows,
    SlidingProcessingTimeWindows,
    TimeWindow,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
    WindowAssigner,
)


class At(WindowAssigner.WindowAssignerContext):
    """The processing time is a given one."""

    def __init__(self, now: int = 0) -> None:
        self.now = now

    def get_current_processing_time(self) -> int:
        return self.now

    def get_runtime_context(self) -> Any:
        raise AssertionError("windows of time need no state")


class Twice(SessionWindowTimeGapExtractor):
    def extract(self, element: Any) -> int:
        return int(element) * 2


@given(st.integers(-1000, 1000), st.integers(1, 50), st.integers(-49, 49))
def test_tumbling(time: int, size: int, offset: int) -> None:
    if abs(offset) >= size:
        return
    (window,) = TumblingEventTimeWindows(size, offset).assign_windows("x", time, At())
    assert list(TumblingProcessingTimeWindows(size, offset).assign_windows("x", -1, At(time))) == [window]
    assert window.start <= time <= window.max_timestamp()
    assert window.end - window.start == size
    assert (window.start - offset) % size == 0


@given(st.integers(-1000, 1000), st.integers(1, 50), st.integers(1, 50), st.integers(-49, 49))
def test_sliding(time: int, size: int, slide: int, offset: int) -> None:
    if abs(offset) >= slide:
        return
    windows = list(SlidingEventTimeWindows(size, slide, offset).assign_windows("x", time, At()))
    assert list(SlidingProcessingTimeWindows(size, slide, offset).assign_windows("x", -1, At(time))) == windows
    expected = {start for start in range(time - size + 1, time + 1) if (start - offset) % slide == 0}
    assert {window.start for window in windows} == expected
    assert len(windows) == len(expected)
    assert all(window.end - window.start == size for window in windows)


def test_sessions_begin_with_one_element() -> None:
    assert list(EventTimeSessionWindows(7).assign_windows("x", 3, At())) == [TimeWindow(3, 10)]
    assert list(ProcessingTimeSessionWindows(7).assign_windows("x", 3, At(100))) == [TimeWindow(100, 107)]
    assert list(DynamicEventTimeSessionWindows(Twice()).assign_windows(5, 3, At())) == [TimeWindow(3, 13)]
    assert list(DynamicProcessingTimeSessionWindows(Twice()).assign_windows(5, 3, At(9))) == [TimeWindow(9, 19)]


@pytest.mark.parametrize(
    "assigner",
    [
        TumblingEventTimeWindows(5),
        SlidingEventTimeWindows(5, 2),
        EventTimeSessionWindows(5),
        DynamicEventTimeSessionWindows(Twice()),
    ],
)
def test_event_time_needs_timestamps(assigner: Any) -> None:
    with pytest.raises(Exception, match="assign_timestamps_and_watermarks"):
        assigner.assign_windows(1, MIN_TIMESTAMP, At())


_ALL: list[tuple[Any, bool, type, str]] = [
    (TumblingEventTimeWindows(5), True, EventTimeTrigger, "TumblingEventTimeWindows(5, 0)"),
    (TumblingProcessingTimeWindows(5), False, ProcessingTimeTrigger, "TumblingProcessingTimeWindows(5, 0)"),
    (SlidingEventTimeWindows(5, 2, 1), True, EventTimeTrigger, "SlidingEventTimeWindows(5, 2, 1)"),
    (SlidingProcessingTimeWindows(5, 2), False, ProcessingTimeTrigger, "SlidingProcessingTimeWindows(5, 2, 0)"),
    (EventTimeSessionWindows(5), True, EventTimeTrigger, "EventTimeSessionWindows(5)"),
    (ProcessingTimeSessionWindows(5), False, ProcessingTimeTrigger, "ProcessingTimeSessionWindows(5)"),
    (DynamicEventTimeSessionWindows(Twice()), True, EventTimeTrigger, "DynamicEventTimeSessionWindows(Twice)"),
    (
        DynamicProcessingTimeSessionWindows(Twice()),
        False,
        ProcessingTimeTrigger,
        "DynamicProcessingTimeSessionWindows(Twice)",
    ),
    (GlobalWindows.create(), False, NeverTrigger, "GlobalWindows()"),
    (CountTumblingWindowAssigner.of(5), False, CountTrigger, "CountTumblingWindowAssigner(5)"),
    (CountSlidingWindowAssigner.of(5, 2), False, CountTrigger, "CountSlidingWindowAssigner(5, 2)"),
]


@pytest.mark.parametrize(("assigner", "event_time", "trigger", "text"), _ALL)
def test_what_assigners_say_of_themselves(assigner: Any, event_time: bool, trigger: type, text: str) -> None:
    assert assigner.is_event_time() is event_time
    assert type(assigner.get_default_trigger(None)) is trigger
    assert repr(assigner) == text
    assert assigner.get_window_serializer() is not None
    assert repr(pickle.loads(pickle.dumps(assigner))) == text


@pytest.mark.parametrize("size", [Time.milliseconds(2000), Duration.of_seconds(2), timedelta(seconds=2)])
def test_lengths(size: Any) -> None:
    assert repr(TumblingEventTimeWindows.of(size)) == "TumblingEventTimeWindows(2000, 0)"
    assert repr(TumblingProcessingTimeWindows.of(size, Time.seconds(1))) == "TumblingProcessingTimeWindows(2000, 1000)"
    assert repr(SlidingEventTimeWindows.of(size, Time.seconds(1))) == "SlidingEventTimeWindows(2000, 1000, 0)"
    assert (
        repr(SlidingProcessingTimeWindows.of(size, size, Time.seconds(-1)))
        == "SlidingProcessingTimeWindows(2000, 2000, -1000)"
    )
    assert repr(EventTimeSessionWindows.with_gap(size)) == "EventTimeSessionWindows(2000)"
    assert repr(ProcessingTimeSessionWindows.with_gap(size)) == "ProcessingTimeSessionWindows(2000)"
    assert ContinuousEventTimeTrigger.of(size).interval == 2000
    assert ContinuousProcessingTimeTrigger.of(size).interval == 2000


@pytest.mark.parametrize(
    "make",
    [
        lambda: TumblingEventTimeWindows(5, 5),
        lambda: TumblingProcessingTimeWindows(0),
        lambda: TumblingProcessingTimeWindows(5, -5),
        lambda: SlidingEventTimeWindows(0, 5),
        lambda: SlidingEventTimeWindows(5, 0),
        lambda: SlidingProcessingTimeWindows(5, 2, 2),
        lambda: EventTimeSessionWindows(0),
        lambda: ProcessingTimeSessionWindows(-1),
        lambda: CountTumblingWindowAssigner(0),
        lambda: CountSlidingWindowAssigner(2, 0),
        lambda: CountTrigger(0),
        lambda: ContinuousEventTimeTrigger(0),
    ],
)
def test_sizes_that_make_no_windows_are_refused_where_they_are_given(make: Any) -> None:
    with pytest.raises(ValueError, match=r"test_assigners.py:\d+: .* must satisfy"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: TumblingEventTimeWindows("5"),  # type: ignore[arg-type]  # that is the point
        lambda: TumblingEventTimeWindows.of(5000),  # type: ignore[arg-type]  # as above
        lambda: SlidingEventTimeWindows(5, 2.5),  # type: ignore[arg-type]  # as above
        lambda: EventTimeSessionWindows.with_dynamic_gap(7),  # type: ignore[arg-type]  # as above
        lambda: PurgingTrigger.of("x"),  # type: ignore[arg-type]  # as above
        lambda: ProcessingTimeoutTrigger.of(3, Time.seconds(1)),  # type: ignore[arg-type]  # as above
        lambda: DeltaTrigger.of(3, "x"),  # type: ignore[arg-type]  # as above
        lambda: DeltaEvictor.of(3, None),  # type: ignore[arg-type]  # as above
    ],
)
def test_arguments_of_the_wrong_type_are_refused(make: Any) -> None:
    with pytest.raises(TypeError):
        make()
