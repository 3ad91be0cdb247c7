"""Merging gives what one accumulator of all values would hold, in whatever order and however it travels."""

from __future__ import annotations

import math
import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.accumulators import (
    Accumulator,
    AverageAccumulator,
    DoubleCounter,
    DoubleMaximum,
    DoubleMinimum,
    Histogram,
    IntCounter,
    IntMaximum,
    IntMinimum,
    ListAccumulator,
    LongCounter,
    LongMaximum,
    LongMinimum,
)
from millstream.common.accumulators.wire_form import decode, encode, is_open, shown

WHOLE: list[Callable[[], Accumulator[Any, Any]]] = [
    IntCounter,
    LongCounter,
    IntMinimum,
    IntMaximum,
    LongMinimum,
    LongMaximum,
]
REAL: list[Callable[[], Accumulator[Any, Any]]] = [DoubleCounter, DoubleMinimum, DoubleMaximum, AverageAccumulator]
KINDS = [*WHOLE, *REAL, Histogram]

# Sums of them are exact as floats too, so that the order of additions changes nothing.
NUMBERS = st.lists(st.integers(-(2**40), 2**40), max_size=8)


def _of(kind: Callable[[], Accumulator[Any, Any]], values: list[int]) -> Accumulator[Any, Any]:
    accumulator = kind()
    for value in values:
        accumulator.add(value)
    return accumulator


def _merged(*parts: Accumulator[Any, Any]) -> Any:
    total = parts[0].clone()
    for part in parts[1:]:
        total.merge(part)
    return total.get_local_value()


@given(st.sampled_from([*KINDS, ListAccumulator]), NUMBERS, NUMBERS)
def test_merging_is_adding_everything_to_one(
    kind: Callable[[], Accumulator[Any, Any]], some: list[int], more: list[int]
) -> None:
    assert _merged(_of(kind, some), _of(kind, more)) == _of(kind, some + more).get_local_value()


@given(st.sampled_from(KINDS), NUMBERS, NUMBERS, NUMBERS)
def test_the_order_of_merges_changes_nothing(
    kind: Callable[[], Accumulator[Any, Any]], a: list[int], b: list[int], c: list[int]
) -> None:
    one, two, three = _of(kind, a), _of(kind, b), _of(kind, c)
    before = two.get_local_value()
    right = two.clone()
    right.merge(three)
    assert _merged(one, two, three) == _merged(three, one, two) == _merged(one, right)
    assert two.get_local_value() == before, "what is merged stays as it is"


@given(st.sampled_from([*KINDS, ListAccumulator]), NUMBERS)
def test_a_new_one_changes_nothing(kind: Callable[[], Accumulator[Any, Any]], values: list[int]) -> None:
    held = _of(kind, values)
    assert _merged(held, kind()) == _merged(kind(), held) == held.get_local_value()
    held.reset_local()
    assert held.get_local_value() == kind().get_local_value()


@given(st.sampled_from(KINDS), NUMBERS)
def test_it_comes_back_from_its_message(kind: Callable[[], Accumulator[Any, Any]], values: list[int]) -> None:
    held = _of(kind, values)
    message = encode("name", held)
    assert message is not None
    assert (message.name, message.type, is_open(message)) == ("name", type(held).__name__, True)
    assert message.text == str(held.get_local_value())
    back = decode(message)
    assert type(back) is type(held)
    assert back.get_local_value() == held.get_local_value()
    back.add(7)
    held.add(7)
    assert back.get_local_value() == held.get_local_value(), "nothing was lost that later values need"


@given(st.lists(st.floats(allow_infinity=False, allow_nan=False), min_size=1, max_size=8))
def test_extremes_of_floats(values: list[float]) -> None:
    smallest, largest = DoubleMinimum(), DoubleMaximum()
    for value in values:
        smallest.add(value)
        largest.add(value)
    assert (smallest.get_local_value(), largest.get_local_value()) == (min(values), max(values))


@pytest.mark.parametrize("kind", [DoubleMinimum, DoubleMaximum])
@pytest.mark.parametrize("values", [[math.nan, 1.0], [1.0, math.nan]])
def test_not_a_number_stays(kind: type[DoubleMinimum], values: list[float]) -> None:
    assert math.isnan(_merged(*(kind(value) for value in values)))


def test_of_nothing_they_are_what_flink_says() -> None:
    assert (IntMinimum().get_local_value(), IntMaximum().get_local_value()) == (2**31 - 1, -(2**31))
    assert (LongMinimum().get_local_value(), LongMaximum().get_local_value()) == (2**63 - 1, -(2**63))
    assert (DoubleMinimum().get_local_value(), DoubleMaximum().get_local_value()) == (math.inf, -math.inf)
    assert AverageAccumulator().get_local_value() == 0.0
    assert Histogram().get_local_value() == {}


def test_numbers_beyond_those_of_flink_are_exact() -> None:
    total = LongCounter(2**64)
    total.add(1)
    assert total.get_local_value() == 2**64 + 1
    assert _merged(IntMinimum(2**40), IntMinimum()) == 2**40


@pytest.mark.parametrize("kind", [*WHOLE, Histogram])
def test_whole_numbers_only(kind: Callable[[], Accumulator[Any, Any]]) -> None:
    with pytest.raises(TypeError, match="float"):
        kind().add(1.5)


@given(st.lists(st.integers(0, 5)))
def test_a_histogram_counts_each_value(values: list[int]) -> None:
    counts = _of(Histogram, values).get_local_value()
    assert counts == Counter(values)
    assert list(counts) == sorted(counts)


class Own(IntCounter):
    """May merge in another way than what it is derived from."""


@pytest.mark.parametrize("held", [Own(3), ListAccumulator([3])])
def test_others_have_no_open_message(held: Accumulator[Any, Any]) -> None:
    assert encode("name", held) is None


def test_a_class_of_the_same_name_is_not_taken_for_ours() -> None:
    same_name = type("IntCounter", (Own,), {})
    assert encode("name", same_name()) is None


def test_a_message_that_contradicts_itself() -> None:
    message = encode("name", IntCounter(3))
    assert message is not None
    message.type = "Histogram"
    with pytest.raises(ValueError, match="'name' says it is a Histogram and is sent as whole"):
        decode(message)
    message.type = "IntCounter"
    message.whole = ""
    with pytest.raises(ValueError, match="has no value"):
        decode(message)


def test_what_is_sent_has_bounds() -> None:
    with pytest.raises(ValueError, match="range"):
        encode("name", Histogram({2**63: 1}))
    assert shown("x" * 600).endswith("... (600 characters)")


def test_they_survive_pickling_with_the_function_that_has_them() -> None:
    for kind in [*KINDS, ListAccumulator]:
        held = _of(kind, [1, 2])
        assert pickle.loads(pickle.dumps(held)).get_local_value() == held.get_local_value()


def test_they_show_what_they_hold() -> None:
    assert repr(IntCounter(3)) == "IntCounter 3"
