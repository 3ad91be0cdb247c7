"""What window functions are given, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from millstream.common.records import MIN_TIMESTAMP
from millstream.common.typeinfo import Types
from millstream.datastream import OutputTag
from millstream.datastream.functions import (
    AllWindowFunction,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    RichWindowFunction,
    WindowFunction,
)
from millstream.datastream.state import ListStateDescriptor, ValueStateDescriptor
from millstream.datastream.window import (
    CountTrigger,
    EventTimeSessionWindows,
    GlobalWindows,
    TimeWindow,
    TumblingEventTimeWindows,
)
from millstream.testing import OperatorHarness
from tests.unit.taskmanager.operators.window.reference import key_of

SIDE = OutputTag("side", Types.LONG())
LATE = OutputTag("late")
FIRINGS = ValueStateDescriptor("firings", Types.LONG())
ALL = ListStateDescriptor("all", Types.LONG())


class Full(ProcessWindowFunction[Any, Any, Any, TimeWindow]):
    """Counts the firings of each window and remembers all numbers of each key."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def open(self, runtime_context: Any) -> None:
        super().open(runtime_context)
        self.events.append("open")

    def close(self) -> None:
        self.events.append("close")

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        firings = context.window_state().get_state(FIRINGS)
        firings.update((firings.value() or 0) + 1)
        everything = context.global_state().get_list_state(ALL)
        everything.update([number for _, number in elements])
        yield SIDE, len(list(elements))
        context.output(SIDE, -firings.value())
        yield key, context.window().start, firings.value(), list(everything.get())

    def clear(self, context: Any) -> None:
        self.events.append(("clear", context.window(), context.window_state().get_state(FIRINGS).value()))
        context.window_state().get_state(FIRINGS).clear()


@pytest.mark.parametrize("trigger", [None, CountTrigger.of(2)])
def test_state_side_outputs_and_clear(trigger: Any) -> None:
    function = Full()

    def fragment(stream: Any) -> Any:
        windows = stream.key_by(key_of).window(TumblingEventTimeWindows(10)).allowed_lateness(5)
        return (windows if trigger is None else windows.trigger(trigger)).process(function)

    with OperatorHarness(fragment) as harness:
        harness.process_batch([("a", 1), ("a", 2), ("b", 3), ("a", 9)], [0, 1, 2, 12])
        harness.process_watermark(10)
        harness.process_element(("b", 4), 3)
        expected: list[Any] = [("a", 0, 1, [1, 2])]
        expected += [("b", 0, 1, [3, 4])] if trigger else [("b", 0, 1, [3]), ("b", 0, 2, [3, 4])]
        assert harness.get_output() == expected
        assert harness.get_side_output(SIDE) == ([2, -1, 2, -1] if trigger else [2, -1, 1, -1, 2, -2])
        assert function.events == ["open"]
        harness.process_watermark(14)
        # The last window has not fired at all with the other trigger.
        assert function.events[1:] == [
            ("clear", TimeWindow(0, 10), 1),
            ("clear", TimeWindow(0, 10), 1 if trigger else 2),
        ]
        harness.end_input()
        assert function.events[3:] == [("clear", TimeWindow(10, 20), None if trigger else 1)]
        assert harness.num_keyed_state_entries() == 2  # what is remembered of the keys
    assert function.events[-1] == "close"


class Seen(ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Any:
        return [(context.current_watermark(), context.current_processing_time(), context.window())]


def test_the_clocks() -> None:
    def fragment(stream: Any) -> Any:
        return stream.key_by(key_of).window(TumblingEventTimeWindows(10)).trigger(CountTrigger.of(1)).process(Seen())

    with OperatorHarness(fragment, processing_time=77) as harness:
        harness.process_element(("a", 1), 3)
        harness.process_watermark(5)
        harness.process_element(("a", 1), 13)
        window, other = TimeWindow(0, 10), TimeWindow(10, 20)
        assert harness.get_output_with_timestamps() == [((MIN_TIMESTAMP, 77, window), 9), ((5, 77, other), 19)]


class KeyedCollecting(ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any], out: Any) -> None:  # type: ignore[override]  # collector style
        for _, number in elements:
            out.collect((key, number))
            context.output(SIDE, number)


class Applying(RichWindowFunction[Any, Any, Any, Any]):
    def apply(self, key: Any, window: Any, inputs: Iterable[Any]) -> Any:
        assert self.get_runtime_context().get_index_of_this_subtask() == 0
        return [(key, number) for _, number in inputs]


class ApplyingCollecting(WindowFunction[Any, Any, Any, Any]):
    def apply(self, key: Any, window: Any, inputs: Iterable[Any], out: Any) -> None:  # type: ignore[override]  # collector style
        for _, number in inputs:
            out.collect((key, number))


def plain(key: Any, window: Any, inputs: Iterable[Any]) -> Any:
    return ((key, number) for _, number in inputs)


@pytest.mark.parametrize("function", [Applying(), ApplyingCollecting(), plain])
def test_forms_of_window_functions(function: Any) -> None:
    def fragment(stream: Any) -> Any:
        return stream.key_by(key_of).window(GlobalWindows.create()).trigger(CountTrigger.of(2)).apply(function)

    with OperatorHarness(fragment) as harness:
        harness.process_batch([("a", 1), ("b", 2), ("a", 3)])
        assert harness.get_output() == [("a", 1), ("a", 3)]


def test_collector_style_with_context() -> None:
    def fragment(stream: Any) -> Any:
        windows = stream.key_by(key_of).window(GlobalWindows.create()).trigger(CountTrigger.of(2))
        return windows.process(KeyedCollecting())

    with OperatorHarness(fragment) as harness:
        harness.process_batch([("a", 1), ("b", 2), ("a", 3)])
        assert harness.get_output() == [("a", 1), ("a", 3)]
        assert harness.get_side_output(SIDE) == [1, 3]


class ApplyAll(AllWindowFunction[Any, Any, Any]):
    def apply(self, window: Any, inputs: Iterable[Any]) -> Any:
        return [list(inputs)]


class ProcessAll(ProcessAllWindowFunction[Any, Any, Any]):
    def process(self, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        count = context.global_state().get_state(FIRINGS)
        count.update((count.value() or 0) + 1)
        yield list(elements)
        yield SIDE, count.value()


@pytest.mark.parametrize(
    "finish",
    [
        lambda windows: windows.apply(ApplyAll()),
        lambda windows: windows.process(ProcessAll()),
        lambda windows: windows.apply(lambda window, inputs: [list(inputs)]),
        lambda windows: windows.apply(lambda window, inputs, out: out.collect(list(inputs))),
    ],
)
@pytest.mark.parametrize("keyed", [False, True])
def test_windows_over_all(finish: Any, keyed: bool) -> None:
    def fragment(stream: Any) -> Any:
        windows = (stream.key_by(key_of) if keyed else stream).window_all(EventTimeSessionWindows(10))
        return finish(windows)

    with OperatorHarness(fragment) as harness:
        harness.process_batch([("a", 1), ("b", 2), ("a", 3)], [0, 5, 30])
        harness.end_input()
        assert harness.get_output() == [[("a", 1), ("b", 2)], [("a", 3)]]


def test_count_window_all() -> None:
    with OperatorHarness(lambda s: s.count_window_all(2).reduce(lambda a, b: a + b)) as harness:
        harness.process_batch([1, 2, 3, 4, 5])
        assert harness.get_output() == [3, 7]


class AsksForWindowState(ProcessWindowFunction[Any, Any, Any, Any]):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Any:
        context.window_state().get_map_state(ListStateDescriptor("x", Types.LONG()))


def test_windows_that_merge_have_no_state_of_their_own() -> None:
    def fragment(stream: Any) -> Any:
        return stream.key_by(key_of).window(EventTimeSessionWindows(10)).process(AsksForWindowState())

    with OperatorHarness(fragment) as harness:
        harness.process_element(("a", 1), 1)
        with pytest.raises(Exception, match="not allowed when using merging windows"):
            harness.end_input()


@pytest.mark.parametrize("assigner", [GlobalWindows.create(), EventTimeSessionWindows(100)])
def test_results_are_not_touched_by_what_comes_after_them(assigner: Any) -> None:
    """Reducing in place must change neither what has gone out nor the elements that came in."""

    def add(total: list[int], value: list[int]) -> list[int]:
        total[0] += value[0]
        return total

    def fragment(stream: Any) -> Any:
        return stream.key_by(lambda _: "k").window(assigner).trigger(CountTrigger.of(1)).reduce(add)

    first, second = [1], [2]
    with OperatorHarness(fragment) as harness:
        harness.process_batch([first, second], [0, 0])
        assert harness.get_output() == [[1], [3]]
        assert (first, second) == ([1], [2])


def test_an_output_type_converts_results() -> None:
    def fragment(stream: Any) -> Any:
        windows = stream.key_by(key_of).window(GlobalWindows.create()).trigger(CountTrigger.of(1))
        return windows.apply(plain, Types.ROW([Types.STRING(), Types.INT()]))

    with OperatorHarness(fragment) as harness:
        harness.process_element(("a", 1))
        assert [type(each).__name__ for each in harness.get_output()] == ["Row"]
