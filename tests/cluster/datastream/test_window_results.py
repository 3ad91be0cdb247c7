"""Windows over whole jobs give what their definition says, however the job is laid out."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Time
from millstream.datastream import DataStream, StreamExecutionEnvironment
from millstream.datastream.window import (
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    WindowAssigner,
)
from tests.cluster.datastream.jobs import EVENTS, LAYOUTS, Layout, run
from tests.cluster.datastream.reference import (
    Event,
    Pane,
    Windows,
    disorder,
    panes,
    sessions,
    sliding,
    tumbling,
    unordered,
)
from tests.cluster.datastream.window_functions import evaluated


def ms(length: int) -> Time:
    return Time.milliseconds(length)


KINDS: dict[str, tuple[WindowAssigner, Windows]] = {  # type: ignore[type-arg]  # of several kinds of windows
    "tumbling": (TumblingEventTimeWindows.of(ms(30)), tumbling(30)),
    "tumbling, offset": (TumblingEventTimeWindows.of(ms(50), ms(20)), tumbling(50, 20)),
    "sliding": (SlidingEventTimeWindows.of(ms(40), ms(10)), sliding(40, 10)),
    "sliding, uneven": (SlidingEventTimeWindows.of(ms(50), ms(15), ms(5)), sliding(50, 15, 5)),
    "sliding, gaps": (SlidingEventTimeWindows.of(ms(10), ms(25)), sliding(10, 25)),
    "sessions": (EventTimeSessionWindows.with_gap(ms(12)), sessions(12)),
}


def bound(events: list[Event], kind: str) -> int:
    """How far watermarks have to stay behind so that nothing is late.

    An event right at the end of a session still joins it, though the session ends by the watermark of 1 ms before.
    """
    return disorder(events) + (kind == "sessions")


@settings(max_examples=30)
@given(
    events=EVENTS,
    layout=LAYOUTS,
    kind=st.sampled_from(sorted(KINDS)),
    function=st.sampled_from(["aggregate", "process", "apply"]),
)
@example(events=[], layout=Layout(2, True, 0, "one"), kind="tumbling", function="aggregate")
def test_keyed_windows(
    mini_cluster: MiniCluster, events: list[Event], layout: Layout, kind: str, function: str
) -> None:
    assigner, windows = KINDS[kind]

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        stream = layout.stream(environment, events, bound(events, kind))
        return evaluated(stream.key_by(lambda event: event.key).window(assigner), function)

    results = run(mini_cluster, layout, program)
    assert unordered(results) == unordered(panes(events, windows))
    if layout.sources == "one" and kind != "sessions":
        assert sorted(results) == panes(events, windows), "elements come in their order"


@settings(max_examples=10)
@given(events=EVENTS, layout=LAYOUTS, kind=st.sampled_from(sorted(KINDS)))
def test_windows_over_all(mini_cluster: MiniCluster, events: list[Event], layout: Layout, kind: str) -> None:
    from millstream.datastream.functions import ProcessAllWindowFunction

    assigner, windows = KINDS[kind]

    class WholeWindow(ProcessAllWindowFunction):  # type: ignore[type-arg]  # of several kinds of windows
        def process(self, context, elements):  # type: ignore[no-untyped-def]  # as users write it
            yield Pane(0, context.window().start, context.window().end, tuple(each.value for each in elements))

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        return layout.stream(environment, events, bound(events, kind)).window_all(assigner).process(WholeWindow())

    results = run(mini_cluster, layout, program)
    assert unordered(results) == unordered(panes([event._replace(key=0) for event in events], windows))


@settings(max_examples=10)
@given(events=EVENTS, layout=LAYOUTS, kind=st.sampled_from(sorted(KINDS)))
def test_reduced_windows(mini_cluster: MiniCluster, events: list[Event], layout: Layout, kind: str) -> None:
    assigner, windows = KINDS[kind]

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        stream = layout.stream(environment, events, bound(events, kind))
        keyed = stream.key_by(lambda event: event.key).window(assigner)
        return keyed.reduce(lambda a, b: Event(a.key, a.value + b.value, max(a.timestamp, b.timestamp)))

    expected = sorted((pane.key, sum(pane.values)) for pane in panes(events, windows))
    assert sorted((key, total) for key, total, _ in run(mini_cluster, layout, program)) == expected


@pytest.mark.parametrize("parallelism", [1, 3])
def test_everything_fires_at_the_end(mini_cluster: MiniCluster, parallelism: int) -> None:
    """Without a single watermark on the way."""
    from millstream.common import WatermarkStrategy

    events = [Event(number % 3, number, number) for number in range(100)]

    def program(environment: StreamExecutionEnvironment) -> DataStream:
        environment.get_config().set_auto_watermark_interval(0)
        strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda event: event.timestamp)
        stream = environment.from_collection(events).assign_timestamps_and_watermarks(strategy)
        keyed = stream.key_by(lambda event: event.key).window(TumblingEventTimeWindows.of(ms(30)))
        return evaluated(keyed, "process")

    assert sorted(run(mini_cluster, Layout(parallelism, True, 100, "one"), program)) == panes(events, tumbling(30))
