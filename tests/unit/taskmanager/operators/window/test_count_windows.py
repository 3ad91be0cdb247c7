"""Windows of so many elements."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.typeinfo import Types
from millstream.datastream.functions import AggregateFunction, ProcessWindowFunction
from millstream.datastream.state import ValueStateDescriptor
from millstream.datastream.window import (
    CountEvictor,
    CountSlidingWindowAssigner,
    CountTrigger,
    CountTumblingWindowAssigner,
    CountWindow,
    GlobalWindows,
    PurgingTrigger,
)
from millstream.testing import OperatorHarness
from tests.unit.taskmanager.operators.window.reference import Element, key_of, naive_count_windows

REMEMBERED = ValueStateDescriptor("remembered", Types.BOOLEAN())

_elements = st.lists(st.sampled_from("abc"), max_size=40).map(
    lambda keys: [(key, number, 0) for number, key in enumerate(keys)]
)


class Numbers(AggregateFunction):
    def create_accumulator(self) -> tuple[str, list[int]]:
        return "", []

    def add(self, value: Element, accumulator: tuple[str, list[int]]) -> tuple[str, list[int]]:
        return value[0], [*accumulator[1], value[1]]

    def get_result(self, accumulator: tuple[str, list[int]]) -> tuple[str, list[int]]:
        return accumulator

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        raise AssertionError("count windows do not merge")


def numbers_of(key: Any, window: Any, elements: Any) -> Any:
    assert isinstance(window, CountWindow)
    yield key, [number for _, number, _ in elements]


@given(_elements, st.integers(1, 5), st.integers(1, 5), st.booleans(), st.integers(1, 9), st.integers(0, 40))
def test_count_windows_are_those_of_the_reference(
    elements: list[Element], size: int, slide: int, aggregate: bool, batch_size: int, stop: int
) -> None:
    def fragment(stream: Any) -> Any:
        windows = stream.key_by(key_of).window(CountSlidingWindowAssigner(size, slide))
        return windows.aggregate(Numbers()) if aggregate else windows.apply(numbers_of)

    got: list[Any] = []
    with OperatorHarness(fragment) as harness:
        harness.process_batch(elements[:stop])
        got += harness.get_output()
        resumed = harness.restore(harness.snapshot())
    with resumed as harness:
        for start in range(stop, len(elements), batch_size):
            harness.process_batch(elements[start : start + batch_size])
        harness.end_input()
        got += harness.get_output()
    expected = naive_count_windows(elements, size, slide)
    # Windows of a key fire in order; those of different keys in the order of their last elements.
    assert got == sorted(expected, key=lambda each: each[1][-1])


@given(_elements, st.integers(1, 5), st.booleans())
def test_tumbling_is_sliding_by_the_size(elements: list[Element], size: int, tumbling: bool) -> None:
    assigner: Any = CountTumblingWindowAssigner(size) if tumbling else CountSlidingWindowAssigner(size, size)
    with OperatorHarness(lambda s: s.key_by(key_of).window(assigner).apply(numbers_of)) as harness:
        harness.process_batch(elements)
        assert sorted(harness.get_output()) == sorted(naive_count_windows(elements, size, size))


def test_nothing_is_kept_of_a_window_that_is_full() -> None:
    with OperatorHarness(lambda s: s.key_by(key_of).count_window(2).process(Remembers())) as harness:
        harness.process_batch([("a", number, 0) for number in range(1000)])
        assert len(harness.get_output()) == 500
        assert harness.num_keyed_state_entries() == 1  # how many elements the key has had


class Remembers(ProcessWindowFunction[Any, Any, Any, CountWindow]):
    def process(self, key: Any, context: Any, elements: Any) -> Any:
        state = context.window_state().get_state(REMEMBERED)
        state.update(True)
        yield context.window()

    def clear(self, context: Any) -> None:
        context.window_state().get_state(REMEMBERED).clear()


@given(_elements, st.integers(1, 5), st.integers(1, 5))
def test_the_last_elements_after_every_few_as_flink_counts_them(elements: list[Element], size: int, slide: int) -> None:
    """``countWindow(size, slide)`` of Flink's Java API, put together from what that is made of."""

    def fragment(stream: Any) -> Any:
        windows = stream.key_by(key_of).window(GlobalWindows.create())
        windows = windows.trigger(CountTrigger.of(slide)).evictor(CountEvictor.of(size))
        return windows.apply(lambda key, _, inputs: [(key, [number for _, number, _ in inputs])])

    expected = []
    by_key: dict[str, list[int]] = {}
    for key, number, _ in elements:
        numbers = by_key.setdefault(key, [])
        numbers.append(number)
        if len(numbers) % slide == 0:
            expected.append((key, numbers[-size:]))
    with OperatorHarness(fragment) as harness:
        harness.process_batch(elements)
        assert harness.get_output() == expected


@pytest.mark.parametrize("size", [1, 3])
def test_a_purging_trigger_empties_a_global_window(size: int) -> None:
    def fragment(stream: Any) -> Any:
        windows = stream.key_by(key_of).window(GlobalWindows.create()).trigger(PurgingTrigger.of(CountTrigger.of(size)))
        return windows.reduce(lambda a, b: (a[0], a[1] + b[1], 0))

    with OperatorHarness(fragment) as harness:
        harness.process_batch([("a", 1, 0), ("a", 2, 0), ("b", 5, 0), ("a", 3, 0)])
        expected = [("a", 1, 0), ("a", 2, 0), ("b", 5, 0), ("a", 3, 0)] if size == 1 else [("a", 6, 0)]
        assert harness.get_output() == expected
        assert harness.num_keyed_state_entries() == (0 if size == 1 else 2)
