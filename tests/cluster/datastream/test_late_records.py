"""Late records are counted or redirected, exactly those that are late, and none is lost."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Time
from millstream.datastream import DataStream, OutputTag, StreamExecutionEnvironment
from millstream.datastream.window import EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows
from millstream.testing.process_cluster import eventually
from tests.cluster.datastream.jobs import EVENTS, Layout, run
from tests.cluster.datastream.reference import Event, Pane, unordered
from tests.cluster.datastream.window_functions import evaluated

LATE = OutputTag("late")
LAYOUTS = [Layout(1, True, 100, "one"), Layout(3, True, 0, "one"), Layout(2, False, 1, "one")]


def sliding_model(
    events: list[Event], size: int, slide: int, bound: int, lateness: int
) -> tuple[list[Pane], list[Event]]:
    """Panes and late events when each event is followed by its watermark."""
    open_: dict[tuple[int, int], list[Event]] = {}
    emitted: list[Pane] = []
    late: list[Event] = []
    watermark = latest = -(10**9)

    def emit(key: int, start: int) -> None:
        values = tuple(each.value for each in open_[key, start])
        emitted.append(Pane(key, start, start + size, values))

    for event in events:
        start = event.timestamp // slide * slide
        taken = False
        while start > event.timestamp - size:
            if start + size - 1 + lateness > watermark:
                taken = True
                open_.setdefault((event.key, start), []).append(event)
                if start + size - 1 <= watermark:
                    emit(event.key, start)
            start -= slide
        if not taken:
            late.append(event)
        latest = max(latest, event.timestamp)
        before, watermark = watermark, max(watermark, latest - bound - 1)
        for key, start in open_:
            if before < start + size - 1 <= watermark:
                emit(key, start)
    for key, start in open_:
        if start + size - 1 > watermark:
            emit(key, start)
    return sorted(emitted), late


def session_model(events: list[Event], gap: int, bound: int) -> tuple[list[Pane], list[Event]]:
    """The same for sessions, which take in an event that is behind the watermark if it joins an open session."""
    open_: list[tuple[int, int, int, list[Event]]] = []
    emitted: list[Pane] = []
    late: list[Event] = []
    watermark = latest = -(10**9)
    for event in events:
        start, end = event.timestamp, event.timestamp + gap
        joined = [each for each in open_ if each[0] == event.key and each[1] <= end and start <= each[2]]
        start = min([start, *(each[1] for each in joined)])
        end = max([end, *(each[2] for each in joined)])
        if end - 1 <= watermark:
            late.append(event)
        else:
            open_ = [each for each in open_ if each not in joined]
            open_.append((event.key, start, end, [event, *(old for each in joined for old in each[3])]))
        latest = max(latest, event.timestamp)
        watermark = max(watermark, latest - bound - 1)
        emitted += [_pane(each) for each in open_ if each[2] - 1 <= watermark]
        open_ = [each for each in open_ if each[2] - 1 > watermark]
    return sorted(emitted + [_pane(each) for each in open_]), late


def _pane(session: tuple[int, int, int, list[Event]]) -> Pane:
    key, start, end, content = session
    return Pane(key, start, end, tuple(each.value for each in content))


def results_and_late(
    cluster: MiniCluster, layout: Layout, events: list[Event], bound: int, assigner: Any, lateness: int, function: str
) -> tuple[list[Pane], list[Event]]:
    def program(environment: StreamExecutionEnvironment) -> DataStream:
        stream = layout.stream(environment, events, bound)
        windowed = stream.key_by(lambda event: event.key).window(assigner).allowed_lateness(lateness)
        results = evaluated(windowed.side_output_late_data(LATE), function)
        return results.union(results.get_side_output(LATE))

    both = run(cluster, layout, program)
    return sorted(each for each in both if isinstance(each, Pane)), [each for each in both if isinstance(each, Event)]


@settings(max_examples=25)
@given(
    events=EVENTS,
    layout=st.sampled_from(LAYOUTS),
    bound=st.sampled_from([0, 5, 30]),
    lateness=st.sampled_from([0, 10, 45]),
    shape=st.sampled_from([(30, 30), (40, 10), (20, 15)]),
    function=st.sampled_from(["aggregate", "process", "apply"]),
)
def test_tumbling_and_sliding_windows(
    mini_cluster: MiniCluster,
    events: list[Event],
    layout: Layout,
    bound: int,
    lateness: int,
    shape: tuple[int, int],
    function: str,
) -> None:
    size, slide = shape
    assigner: Any = SlidingEventTimeWindows.of(Time.milliseconds(size), Time.milliseconds(slide))
    if size == slide:
        assigner = TumblingEventTimeWindows.of(Time.milliseconds(size))
    panes, late = results_and_late(mini_cluster, layout, events, bound, assigner, lateness, function)
    expected, expected_late = sliding_model(events, size, slide, bound, lateness)
    assert panes == expected
    assert sorted(late) == sorted(expected_late)


@settings(max_examples=15)
@given(events=EVENTS, layout=st.sampled_from(LAYOUTS), bound=st.sampled_from([0, 5, 30]))
def test_sessions(mini_cluster: MiniCluster, events: list[Event], layout: Layout, bound: int) -> None:
    assigner: Any = EventTimeSessionWindows.with_gap(Time.milliseconds(12))
    panes, late = results_and_late(mini_cluster, layout, events, bound, assigner, 0, "aggregate")
    expected, expected_late = session_model(events, 12, bound)
    assert unordered(panes) == unordered(expected)
    assert sorted(late) == sorted(expected_late)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_late_records_that_nobody_takes_are_counted(
    mini_cluster: MiniCluster, layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "millstream.taskmanager")
    events = [Event(0, 1, 5), Event(0, 2, 100), Event(0, 3, 6), Event(1, 4, 7), Event(1, 5, 101)]

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        windowed = layout.stream(environment, events, 0).key_by(lambda event: event.key)
        return evaluated(windowed.window(TumblingEventTimeWindows.of(Time.milliseconds(10))), "process")

    assert sorted(run(mini_cluster, layout, program)) == [
        Pane(0, 0, 10, (1,)),
        Pane(0, 100, 110, (2,)),
        Pane(1, 100, 110, (5,)),
    ]

    def dropped() -> int:
        told = [re.search(r"dropped (\d+) records that came after", record.getMessage()) for record in caplog.records]
        return sum(int(match[1]) for match in told if match is not None)

    eventually(lambda: dropped() == 2, "the tasks tell how many they dropped, when they end")
