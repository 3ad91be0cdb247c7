"""Evictors, ours and the program's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from millstream.common.time import Time
from millstream.datastream.functions import AggregateFunction
from millstream.datastream.window import (
    CountEvictor,
    CountTrigger,
    DeltaEvictor,
    DeltaFunction,
    EventTimeSessionWindows,
    Evictor,
    GlobalWindows,
    TimeEvictor,
    TumblingEventTimeWindows,
)
from millstream.testing import OperatorHarness
from tests.unit.taskmanager.operators.window.reference import key_of


def shown(key: Any, window: Any, inputs: Iterable[Any]) -> Iterator[Any]:
    yield key, [number for _, number in inputs]


def harness_of(evictor: Any, finish: Any = None, assigner: Any = None, trigger: Any = None) -> OperatorHarness:
    def fragment(stream: Any) -> Any:
        windows = stream.key_by(key_of).window(assigner or GlobalWindows.create()).evictor(evictor)
        if assigner is None or trigger is not None:
            windows = windows.trigger(trigger or CountTrigger.of(2))
        return windows.apply(shown) if finish is None else finish(windows)

    return OperatorHarness(fragment)


def test_count() -> None:
    with harness_of(CountEvictor.of(3)) as harness:
        harness.process_batch([("a", number) for number in range(6)])
        assert harness.get_output() == [("a", [0, 1]), ("a", [1, 2, 3]), ("a", [3, 4, 5])]
    with harness_of(CountEvictor.of(1, do_evict_after=True)) as harness:
        harness.process_batch([("a", number) for number in range(6)])
        assert harness.get_output() == [("a", [0, 1]), ("a", [1, 2, 3]), ("a", [3, 4, 5])]


def test_time() -> None:
    with harness_of(TimeEvictor.of(Time.milliseconds(10))) as harness:
        harness.process_batch([("a", 0), ("a", 1), ("a", 2), ("a", 3)], [0, 11, 12, 10])
        assert harness.get_output() == [("a", [1]), ("a", [1, 2, 3])]
    with harness_of(TimeEvictor.of(Time.milliseconds(10))) as harness:
        harness.process_batch([("a", 0), ("a", 1)])  # without timestamps
        assert harness.get_output() == [("a", [0, 1])]
    with harness_of(TimeEvictor.of(Time.milliseconds(10), True)) as harness:
        harness.process_batch([("a", 0), ("a", 1), ("a", 2), ("a", 3)], [0, 11, 12, 10])
        assert harness.get_output() == [("a", [0, 1]), ("a", [1, 2, 3])]


class Distance(DeltaFunction):
    def get_delta(self, old_data_point: Any, new_data_point: Any) -> float:
        return float(abs(new_data_point[1] - old_data_point[1]))


def test_delta() -> None:
    with harness_of(DeltaEvictor.of(5, Distance())) as harness:
        harness.process_batch([("a", 0), ("a", 4), ("a", 20), ("a", 5)])
        assert harness.get_output() == [("a", [0, 4]), ("a", [4, 5])]
    with harness_of(DeltaEvictor.of(5, lambda old, new: abs(new[1] - old[1]), True)) as harness:
        harness.process_batch([("a", 0), ("a", 4), ("a", 20), ("a", 5)])
        assert harness.get_output() == [("a", [0, 4]), ("a", [0, 4, 20, 5])]


class OddOnes(Evictor[Any, Any]):
    """Drops odd numbers before, and those that were seen with a watermark after."""

    def evict_before(self, elements: list[Any], size: int, window: Any, evictor_context: Any) -> None:
        assert size == len(elements)
        for element in list(elements):
            if element.get_value()[1] % 2:
                elements.remove(element)

    def evict_after(self, elements: list[Any], size: int, window: Any, evictor_context: Any) -> None:
        assert size == len(elements)
        if evictor_context.get_current_watermark() >= 0:
            elements.clear()
        assert evictor_context.get_current_processing_time() == 0
        evictor_context.get_metric_group().counter("evicted")


def test_an_evictor_of_the_program() -> None:
    with harness_of(OddOnes(), assigner=TumblingEventTimeWindows(10), trigger=CountTrigger.of(3)) as harness:
        harness.process_batch([("a", 1), ("a", 2), ("a", 2), ("a", 3), ("a", 4), ("a", 4)], [0] * 6)
        assert harness.take_output() == [("a", [2, 2]), ("a", [2, 2, 4, 4])]
        resumed = harness.restore(harness.snapshot())
    with resumed as harness:
        harness.process_watermark(5)
        harness.process_batch([("a", 6)] * 6, [6] * 6)
        assert harness.take_output() == [("a", [2, 2, 4, 4, 6, 6, 6]), ("a", [6, 6, 6])]
        harness.end_input()
        assert harness.take_output() == []
        assert harness.num_keyed_state_entries() == harness.num_event_time_timers() == 0


class Largest(AggregateFunction):
    def create_accumulator(self) -> int:
        return -1

    def add(self, value: Any, accumulator: int) -> int:
        return max(accumulator, int(value[1]))

    def get_result(self, accumulator: int) -> Any:
        return "", accumulator

    def merge(self, acc_a: int, acc_b: int) -> int:
        return max(acc_a, acc_b)


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        (lambda windows: windows.reduce(lambda a, b: (a[0], a[1] + b[1])), [("a", 13), ("a", 6)]),
        (lambda windows: windows.reduce(lambda a, b: (a[0], a[1] + b[1]), shown), [("a", [13]), ("a", [6])]),
        (lambda windows: windows.aggregate(Largest()), [("", 9), ("", 4)]),
        (lambda windows: windows.aggregate(Largest(), shown), [("a", [9]), ("a", [4])]),
        (lambda windows: windows.sum(1), [("a", 13), ("a", 6)]),
        (lambda windows: windows.max_by(1), [("a", 9), ("a", 4)]),
    ],
)
def test_incremental_functions_are_applied_to_what_is_left(finish: Any, expected: list[Any]) -> None:
    with harness_of(CountEvictor.of(2), finish) as harness:
        harness.process_batch([("a", 4), ("a", 9), ("a", 2), ("a", 4)])
        assert harness.get_output() == expected


def test_what_is_left_of_nothing() -> None:
    with harness_of(CountEvictor.of(0)) as harness:
        harness.process_batch([("a", 1), ("a", 2)])
        assert harness.get_output() == [("a", [])]
    with harness_of(CountEvictor.of(0), lambda windows: windows.sum(1)) as harness:
        harness.process_batch([("a", 1), ("a", 2)])
        assert harness.get_output() == []


def test_sessions_with_an_evictor_merge() -> None:
    with harness_of(CountEvictor.of(2), assigner=EventTimeSessionWindows(10)) as harness:
        harness.process_batch([("a", 1), ("a", 2), ("a", 3), ("b", 4)], [0, 14, 7, 0])
        harness.end_input()
        assert sorted(harness.get_output()) == [("a", [2, 3]), ("b", [4])]
        assert harness.num_keyed_state_entries() == 0
