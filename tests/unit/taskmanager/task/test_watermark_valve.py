"""Laws of combining watermarks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import MAX_TIMESTAMP, MAX_WATERMARK, MIN_TIMESTAMP, Watermark, WatermarkStatus
from millstream.taskmanager.task.watermark_valve import WatermarkValve

_CHANNELS = 3
_events = st.lists(
    st.tuples(
        st.integers(0, _CHANNELS - 1),
        st.one_of(st.integers(0, 20), st.sampled_from(["idle", "active", "end"])),
    ),
    max_size=40,
)


def _feed(valve: WatermarkValve, channel: int, event: int | str) -> list[Watermark | WatermarkStatus]:
    if isinstance(event, int):
        return list(valve.on_watermark(channel, Watermark(event)))
    if event == "end":
        return list(valve.on_end(channel))
    return list(valve.on_status(channel, WatermarkStatus(idle=event == "idle")))


@given(_events)
def test_time_never_goes_back_and_statuses_alternate(events: list[tuple[int, int | str]]) -> None:
    valve = WatermarkValve(_CHANNELS)
    out = [marker for channel, event in events for marker in _feed(valve, channel, event)]
    times = [marker.timestamp for marker in out if isinstance(marker, Watermark)]
    assert times == sorted(set(times))
    statuses = [marker.idle for marker in out if isinstance(marker, WatermarkStatus)]
    assert statuses == [index % 2 == 0 for index in range(len(statuses))]


@given(st.lists(st.tuples(st.integers(0, _CHANNELS - 1), st.integers(0, 50)), max_size=40))
def test_without_idleness_it_is_the_minimum_over_the_channels(events: list[tuple[int, int]]) -> None:
    valve = WatermarkValve(_CHANNELS)
    highest = [MIN_TIMESTAMP] * _CHANNELS
    for channel, time in events:
        highest[channel] = max(highest[channel], time)
        valve.on_watermark(channel, Watermark(time))
        assert valve.watermark == min(highest)


@given(_events)
def test_never_ahead_of_an_aligned_active_channel(events: list[tuple[int, int | str]]) -> None:
    valve = WatermarkValve(_CHANNELS)
    idle: set[int] = set()
    ended: set[int] = set()
    seen: dict[int, int] = {}
    for channel, event in events:
        before = valve.watermark
        _feed(valve, channel, event)
        if channel in ended:
            continue
        if event == "end":
            ended.add(channel)
        elif event == "idle":
            idle.add(channel)
        elif event == "active":
            idle.discard(channel)
        elif isinstance(event, int) and channel not in idle:
            seen[channel] = max(seen.get(channel, MIN_TIMESTAMP), event)
        active = [each for each in range(_CHANNELS) if each not in idle and each not in ended]
        if valve.watermark > before and active:
            caught_up = [seen.get(each, MIN_TIMESTAMP) for each in active if seen.get(each, MIN_TIMESTAMP) >= before]
            assert not caught_up or valve.watermark <= min(caught_up)


def test_an_idle_channel_does_not_hold_the_others_back() -> None:
    valve = WatermarkValve(2)
    assert _feed(valve, 0, 5) == []
    assert _feed(valve, 1, "idle") == [Watermark(5)]
    assert _feed(valve, 0, 8) == [Watermark(8)]
    assert _feed(valve, 1, "active") == []
    assert _feed(valve, 1, 6) == []  # it is behind, and does not count yet
    assert _feed(valve, 0, 9) == [Watermark(9)]
    assert _feed(valve, 1, 9) == []
    assert _feed(valve, 0, 12) == []
    assert _feed(valve, 1, 10) == [Watermark(10)]


def test_when_all_are_idle_so_is_the_task() -> None:
    valve = WatermarkValve(2)
    _feed(valve, 0, 3)
    _feed(valve, 1, 7)
    assert _feed(valve, 1, "idle") == []
    assert _feed(valve, 0, "idle") == [Watermark(7), WatermarkStatus(idle=True)]
    assert _feed(valve, 0, "active") == [WatermarkStatus(idle=False)]


def test_a_channel_that_has_ended_does_not_count() -> None:
    valve = WatermarkValve(2)
    _feed(valve, 0, 3)
    assert _feed(valve, 1, "end") == [Watermark(3)]
    assert _feed(valve, 1, 100) == []
    assert _feed(valve, 0, 8) == [Watermark(8)]


def test_the_end_of_all_channels_is_the_end_of_event_time() -> None:
    valve = WatermarkValve(2)
    _feed(valve, 0, 3)
    _feed(valve, 1, "end")
    assert _feed(valve, 0, "end") == [MAX_WATERMARK]
    assert _feed(valve, 0, "end") == []


def test_idle_channels_that_end_give_the_last_watermark_too() -> None:
    valve = WatermarkValve(2)
    _feed(valve, 0, "idle")
    assert _feed(valve, 1, "idle") == [WatermarkStatus(idle=True)]
    assert _feed(valve, 0, "end") == []
    assert _feed(valve, 1, "end") == [WatermarkStatus(idle=False), MAX_WATERMARK]


def test_the_last_watermark_comes_once() -> None:
    valve = WatermarkValve(2)
    assert _feed(valve, 0, MAX_TIMESTAMP) == []
    assert _feed(valve, 0, "end") == []
    assert _feed(valve, 1, MAX_TIMESTAMP) == [MAX_WATERMARK]
    assert _feed(valve, 1, "end") == []


def test_the_last_watermark_of_an_idle_channel_counts() -> None:
    valve = WatermarkValve(2)
    _feed(valve, 0, "idle")
    _feed(valve, 1, "idle")
    assert _feed(valve, 0, 5) == []
    assert _feed(valve, 0, MAX_TIMESTAMP) == [WatermarkStatus(idle=False), MAX_WATERMARK]


def test_the_last_watermark_of_an_idle_channel_counts_also_when_it_comes_again() -> None:
    valve = WatermarkValve(2)
    _feed(valve, 0, MAX_TIMESTAMP)
    _feed(valve, 0, "idle")
    assert _feed(valve, 1, 4) == [Watermark(4)]
    _feed(valve, 0, MAX_TIMESTAMP)
    assert _feed(valve, 1, "idle") == [MAX_WATERMARK]


class _Naive:
    """The rules, one after the other, over everything that is known of each channel."""

    def __init__(self) -> None:
        self.time = MIN_TIMESTAMP
        self.seen = [MIN_TIMESTAMP] * _CHANNELS
        self.idle = [False] * _CHANNELS
        self.ended = [False] * _CHANNELS
        self.counts = [True] * _CHANNELS

    def feed(self, channel: int, event: int | str) -> tuple[int, bool]:
        if not self.ended[channel]:
            self._take(channel, event)
        active = [each for each in range(_CHANNELS) if not self.idle[each] and not self.ended[each]]
        if all(self.ended):
            self.time = MAX_TIMESTAMP
            return self.time, False
        if not active:
            self.time = max(self.time, *self.seen)
        else:
            counting = [self.seen[each] for each in active if self.counts[each]]
            self.time = max(self.time, min(counting, default=self.time))
        return self.time, not active

    def _take(self, channel: int, event: int | str) -> None:
        if event == "end":
            self.ended[channel] = True
        elif event == "idle":
            self.idle[channel] = True
        elif event in ("active", MAX_TIMESTAMP) and self.idle[channel]:
            self.idle[channel] = False
            self.counts[channel] = self.seen[channel] >= self.time
        if isinstance(event, int) and not self.idle[channel]:
            self.seen[channel] = max(self.seen[channel], event)
            self.counts[channel] = self.counts[channel] or self.seen[channel] >= self.time


@given(
    st.lists(
        st.tuples(
            st.integers(0, _CHANNELS - 1),
            st.one_of(st.integers(0, 20), st.sampled_from([MAX_TIMESTAMP, "idle", "active", "end"])),
        ),
        max_size=40,
    )
)
def test_like_the_rules_over_everything_known(events: list[tuple[int, int | str]]) -> None:
    valve = WatermarkValve(_CHANNELS)
    naive = _Naive()
    time, idle = MIN_TIMESTAMP, False
    for channel, event in events:
        for marker in _feed(valve, channel, event):
            if isinstance(marker, Watermark):
                time = marker.timestamp
            else:
                idle = marker.idle
        expected_time, expected_idle = naive.feed(channel, event)
        assert (time, valve.watermark) == (expected_time, expected_time)
        if time < MAX_TIMESTAMP:
            assert (idle, valve.idle) == (expected_idle, expected_idle)
