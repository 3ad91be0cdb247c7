"""What becomes of windows when a program that has changed, or has another parallelism, goes on from a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from millstream.common import Time
from millstream.common.errors import MillstreamError
from millstream.common.key_groups import key_group, operator_index
from millstream.datastream import DataStream
from millstream.datastream.functions import AggregateFunction
from millstream.datastream.window import (
    CountEvictor,
    EventTimeSessionWindows,
    EventTimeTrigger,
    GlobalWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
)
from millstream.testing import OperatorHarness


def ms(length: int) -> Time:
    return Time.milliseconds(length)


class OwnTrigger(EventTimeTrigger):
    """The same, but it could do anything: windows with it are run by the general operator."""


class Total(AggregateFunction):
    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        return accumulator + int(value[1])

    def get_result(self, accumulator: int) -> int:
        return accumulator

    def merge(self, acc_a: int, acc_b: int) -> int:
        return acc_a + acc_b


def key_of(value: Any) -> Any:
    return value[0]


def added(first: Any, second: Any) -> Any:
    return first[0], first[1] + second[1]


def tumbling(stream: DataStream, size: int = 10, lateness: int = 0) -> Any:
    return stream.key_by(key_of).window(TumblingEventTimeWindows.of(ms(size))).allowed_lateness(lateness)


def aligned(stream: DataStream) -> DataStream:
    return tumbling(stream, lateness=50).reduce(added)  # type: ignore[no-any-return]  # windowed streams are not typed


def general(stream: DataStream) -> DataStream:
    return tumbling(stream, lateness=50).trigger(OwnTrigger()).reduce(added)  # type: ignore[no-any-return]  # as above


@pytest.mark.parametrize(("before", "after"), [(aligned, general), (general, aligned), (general, general)])
def test_windows_outlive_a_change_of_their_trigger(before: Any, after: Any) -> None:
    with OperatorHarness(before) as harness:
        harness.process_batch([("a", 1), ("b", 2), ("a", 3)], [5, 6, 15])
        harness.process_watermark(9)
        assert sorted(harness.get_output()) == [("a", 1), ("b", 2)]
        snapshot = harness.snapshot()
    with OperatorHarness(after, snapshot=snapshot) as harness:
        harness.process_watermark(5)  # time has not come so far again
        harness.process_batch([("a", 10), ("c", 5), ("a", 30)], [3, 17, 12])
        assert harness.get_output() == [("a", 11)]
        harness.process_watermark(19)
        assert sorted(harness.get_output()[1:]) == [("a", 33), ("c", 5)]
        harness.process_watermark(59)
        harness.process_element(("a", 1), timestamp=9)
        assert harness.late_records_dropped() == 1
        harness.end_input()
        assert harness.num_keyed_state_entries() == harness.num_event_time_timers() == 0


def test_windows_of_another_size_end_when_they_would_have_ended() -> None:
    with OperatorHarness(lambda s: tumbling(s).reduce(added)) as harness:
        harness.process_batch([("a", 1), ("a", 2)], [5, 15])
        snapshot = harness.snapshot()
    with OperatorHarness(lambda s: tumbling(s, size=20).reduce(added), snapshot=snapshot) as harness:
        harness.process_element(("a", 10), timestamp=7)
        harness.process_watermark(9)
        assert harness.get_output() == [("a", 1)]
        harness.end_input()
        assert sorted(harness.get_output()) == [("a", 1), ("a", 2), ("a", 10)]
        assert harness.num_keyed_state_entries() == 0


def test_windows_that_were_kept_for_longer_before_are_removed() -> None:
    with OperatorHarness(aligned) as harness:
        harness.process_element(("a", 1), timestamp=5)
        harness.process_watermark(20)
        assert harness.take_output() == [("a", 1)]
        snapshot = harness.snapshot()
    with OperatorHarness(lambda s: tumbling(s).reduce(added), snapshot=snapshot) as harness:
        assert harness.num_keyed_state_entries() == 1
        harness.process_watermark(21)
        assert harness.get_output() == []
        assert harness.num_keyed_state_entries() == 0


OTHERS: dict[str, tuple[Callable[[DataStream], Any], str]] = {
    "sessions": (
        lambda s: s.key_by(key_of).window(EventTimeSessionWindows.with_gap(ms(10))).reduce(added),
        "sessions now",
    ),
    "sessions with a trigger": (
        lambda s: s.key_by(key_of).window(EventTimeSessionWindows.with_gap(ms(10))).trigger(OwnTrigger()).reduce(added),
        "merging windows .* now",
    ),
    "counted": (lambda s: s.key_by(key_of).count_window(2).reduce(added), "counts of elements now"),
    # The kind of the state itself has changed, which the state backend is the first to see.
    "aggregate": (lambda s: tumbling(s).aggregate(Total()), "is reducing state .* and aggregating state"),
    "elements": (lambda s: tumbling(s).apply(concatenated), "is reducing state .* and list state"),
    "evictor": (lambda s: tumbling(s).evictor(CountEvictor.of(2)).reduce(added), "is reducing state .* and list state"),
}


def concatenated(key: Any, window: Any, inputs: Any) -> Any:
    return list(inputs)


def named(fragment: Callable[[DataStream], Any]) -> Callable[[DataStream], Any]:
    return lambda stream: fragment(stream).name("windows")


def opened(fragment: Callable[[DataStream], Any], snapshot: bytes) -> None:
    with OperatorHarness(fragment, snapshot=snapshot):
        pass


@pytest.mark.parametrize("kind", OTHERS)
def test_windows_that_cannot_be_gone_on_with_are_refused(kind: str) -> None:
    fragment, message = OTHERS[kind]
    with OperatorHarness(named(aligned)) as harness:
        harness.process_element(("a", 1), timestamp=5)
        snapshot = harness.snapshot()
    with OperatorHarness(named(fragment)) as harness:
        harness.process_element(("a", 1), timestamp=5)
        other = harness.snapshot()
    with pytest.raises(MillstreamError, match=message):
        opened(named(fragment), snapshot)
    with pytest.raises(MillstreamError, match=r"in the snapshot|the snapshot has"):
        opened(named(aligned), other)


def test_elements_with_and_without_timestamps_are_not_mixed_up() -> None:
    def plain(stream: DataStream) -> Any:
        return tumbling(stream).apply(concatenated).name("windows")

    def evicting(stream: DataStream) -> Any:
        return tumbling(stream).evictor(CountEvictor.of(2)).apply(concatenated).name("windows")

    with OperatorHarness(plain) as harness:
        harness.process_element(("a", 1), timestamp=5)
        snapshot = harness.snapshot()
    with pytest.raises(MillstreamError, match="has all elements where the program has all elements with their time"):
        opened(evicting, snapshot)


def test_windows_without_bounds_are_no_windows_of_time() -> None:
    def unbounded(stream: DataStream) -> Any:
        windowed = stream.key_by(key_of).window(GlobalWindows.create()).trigger(OwnTrigger())
        return windowed.reduce(added).name("windows")

    with OperatorHarness(unbounded) as harness:
        harness.process_element(("a", 1), timestamp=5)
        snapshot = harness.snapshot()
    with pytest.raises(MillstreamError, match="the snapshot has GlobalWindows where the program has windows of time"):
        opened(named(aligned), snapshot)


def _subtask(key: str) -> int:
    return operator_index(key_group(key, 128), 128, 2)


FAST = next(key for key in "abcdefgh" if _subtask(key) == 0)
SLOW = next(key for key in "abcdefgh" if _subtask(key) == 1)


@pytest.mark.parametrize("backend", ["hashmap", "rocksdb"])
@pytest.mark.parametrize("sliding", [False, True])
def test_subtasks_that_had_come_to_different_times_become_one(backend: str, sliding: bool) -> None:
    """What had fired for a key does not fire again, and what had not, does."""
    if backend == "rocksdb":
        pytest.importorskip("rocksdict")

    def fragment(stream: DataStream) -> Any:
        assigner: Any = SlidingEventTimeWindows.of(ms(10), ms(5)) if sliding else TumblingEventTimeWindows.of(ms(10))
        return stream.key_by(key_of).window(assigner).allowed_lateness(100).reduce(added)

    snapshots = []
    for index, (key, watermark) in enumerate([(FAST, 29), (SLOW, 15)]):
        with OperatorHarness(fragment, parallelism=2, subtask_index=index) as harness:
            harness.process_batch([(key, 1), (key, 2)], [8, 22])
            harness.process_watermark(watermark)
            snapshots.append(harness.snapshot())
    snapshot = OperatorHarness.repackage_state(*snapshots)
    with OperatorHarness(fragment, snapshot=snapshot, state_backend=backend) as harness:
        harness.process_watermark(16)
        assert harness.get_output() == []
        harness.process_element((FAST, 10), timestamp=21)  # it fires again, at the end of its windows
        harness.process_watermark(40)
        expected = [(FAST, 12), (SLOW, 2)] * (2 if sliding else 1)
        assert sorted(harness.get_output()) == sorted(expected)
        harness.process_watermark(200)
        assert harness.num_keyed_state_entries() == 0


def test_sessions_of_subtasks_that_had_come_to_different_times_lose_nothing() -> None:
    def fragment(stream: DataStream) -> Any:
        windowed = stream.key_by(key_of).window(EventTimeSessionWindows.with_gap(ms(10)))
        return windowed.allowed_lateness(100).reduce(added)

    snapshots = []
    for index, (key, watermark) in enumerate([(FAST, 40), (SLOW, 10)]):
        with OperatorHarness(fragment, parallelism=2, subtask_index=index) as harness:
            harness.process_element((key, 1), timestamp=20)
            harness.process_watermark(watermark)
            snapshots.append(harness.snapshot())
    with OperatorHarness(fragment, snapshot=OperatorHarness.repackage_state(*snapshots)) as harness:
        harness.process_batch([(FAST, 10), (SLOW, 10)], [25, 25])
        harness.process_watermark(60)
        assert sorted(harness.get_output()) == sorted([(FAST, 11), (SLOW, 11)])
        harness.process_watermark(500)
        assert harness.num_keyed_state_entries() == 0
