"""Jobs with windows."""

from __future__ import annotations

from typing import Any, cast

import pytest

from millstream.common.time import Time
from millstream.common.typeinfo import Types
from millstream.datastream import CloseableIterator, DataStream, StreamExecutionEnvironment
from millstream.datastream.window import (
    CountSlidingWindowAssigner,
    CountTrigger,
    EventTimeSessionWindows,
    GlobalWindow,
    SessionWindowTimeGapExtractor,
    SlidingEventTimeWindows,
    Trigger,
    TumblingEventTimeWindows,
    WindowAssigner,
)
from tests.unit.datastream.windowed_pairs import PAIRS, Average, Count, CountAll, Sum, SumAll, keyed, stamped


class GapOfNumber(SessionWindowTimeGapExtractor):
    def extract(self, element: Any) -> int:
        return int(element[1])


def results_of(stream: DataStream) -> list[Any]:
    with cast("CloseableIterator", stream.execute_and_collect()) as results:
        return list(results)


@pytest.mark.parametrize(
    ("assigner", "counts"),
    [
        (TumblingEventTimeWindows.of(Time.milliseconds(5)), [1, 3, 4]),
        (SlidingEventTimeWindows.of(Time.milliseconds(5), Time.milliseconds(2)), [1, 1, 2, 2, 2, 3, 4, 4]),
        (EventTimeSessionWindows.with_gap(Time.milliseconds(5)), [1, 7]),
        (EventTimeSessionWindows.with_dynamic_gap(GapOfNumber()), [8]),
    ],
)
def test_windows_of_event_time(environment: StreamExecutionEnvironment, assigner: Any, counts: list[int]) -> None:
    assert sorted(results_of(keyed(environment).window(assigner).process(Count(), PAIRS))) == [
        ("hi", count) for count in counts
    ]


def test_count_windows(environment: StreamExecutionEnvironment) -> None:
    pairs = environment.from_collection([("a", 1), ("b", 2), ("a", 3), ("b", 4), ("a", 5), ("b", 6), ("b", 6)])
    by_name = pairs.key_by(lambda pair: pair[0])
    assert sorted(results_of(by_name.count_window(3).apply(Sum(), PAIRS))) == [("a", 9), ("b", 12)]
    assert sorted(results_of(by_name.window(CountSlidingWindowAssigner(2, 1)).apply(Sum()))) == [
        ("a", 4),
        ("a", 8),
        ("b", 6),
        ("b", 10),
        ("b", 12),
    ]
    assert sorted(results_of(by_name.count_window(2, 1).reduce(lambda a, b: (a[0], a[1] + b[1])))) == [
        ("a", 4),
        ("a", 8),
        ("b", 6),
        ("b", 10),
        ("b", 12),
    ]


@pytest.mark.parametrize("parallelism", [1, 2])
def test_windows_over_all(environment: StreamExecutionEnvironment, parallelism: int) -> None:
    environment.set_parallelism(parallelism)
    windows = stamped(environment).rebalance().window_all(TumblingEventTimeWindows.of(Time.milliseconds(5)))
    for stream, expected in (
        (windows.apply(SumAll()), [10, 15, 22]),
        (windows.process(CountAll()), [1, 3, 4]),
        (windows.aggregate(Average()), [2.5, 7.333333333333333, 15.0]),
        (windows.max(1), [("hi", 4), ("hi", 9), ("hi", 15)]),
    ):
        assert sorted(results_of(stream)) == expected


def test_incremental_functions_and_what_comes_after_them(environment: StreamExecutionEnvironment) -> None:
    windows = keyed(environment).window(EventTimeSessionWindows.with_gap(Time.milliseconds(5)))
    assert sorted(results_of(windows.aggregate(Average(), output_type=Types.DOUBLE()))) == [32 / 7, 15.0]
    assert sorted(results_of(windows.reduce(lambda a, b: (a[0], a[1] + b[1]), Sum()))) == [("hi", 15), ("hi", 32)]
    assert sorted(results_of(windows.aggregate(Average(), lambda key, _, inputs: [(key, *inputs)]))) == [
        ("hi", 32 / 7),
        ("hi", 15.0),
    ]


class EveryTwo(WindowAssigner[Any, GlobalWindow]):
    """A program's own assigner, which asks its environment for nothing and has a trigger of ours."""

    def assign_windows(self, element: Any, timestamp: int, context: WindowAssigner.WindowAssignerContext) -> Any:
        assert context.get_current_processing_time() > 0
        assert context.get_runtime_context().get_number_of_parallel_subtasks() >= 1
        return [GlobalWindow.get()]

    def get_default_trigger(self, env: Any) -> Trigger[Any, Any]:
        assert isinstance(env, StreamExecutionEnvironment)
        return CountTrigger.of(2)

    def get_window_serializer(self) -> Any:
        return None

    def is_event_time(self) -> bool:
        return False


def test_an_assigner_of_the_program(environment: StreamExecutionEnvironment) -> None:
    pairs = environment.from_collection([("a", 1), ("a", 3), ("b", 4), ("a", 5), ("a", 7)])
    assert results_of(pairs.key_by(lambda pair: pair[0]).window(EveryTwo()).apply(Sum())) == [("a", 4), ("a", 16)]


@pytest.mark.parametrize("assigner", [TumblingEventTimeWindows(5), EventTimeSessionWindows(5)])
def test_records_without_timestamps(environment: StreamExecutionEnvironment, assigner: Any) -> None:
    pairs = environment.from_collection([("a", 1)]).key_by(lambda pair: pair[0])
    with pytest.raises(Exception, match="assign_timestamps_and_watermarks"):
        results_of(pairs.window(assigner).apply(Sum()))
