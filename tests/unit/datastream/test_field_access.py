"""Keys by position and by field expression."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Row
from millstream.datastream import KeySelector, StreamExecutionEnvironment
from millstream.datastream.field_access import field_getter, field_key_selector, projection


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Address:
    street: str
    zip: str


@dataclass
class Person:
    name: str
    birthday: tuple[int, int, int]
    address: Address


class Plain:
    def __init__(self) -> None:
        self.b = 2
        self.a = 1


class Slotted:
    __slots__ = ("a",)

    def __init__(self) -> None:
        self.a = 7


MARY = Person("Mary", (1, 2, 1990), Address("Main", "123"))

CASES: list[tuple[tuple[int | str, ...], Any, Any]] = [
    ((0,), ("a", 1), "a"),
    ((1, 0), ("a", 1), (1, "a")),
    ((1,), [1, 2], 2),
    ((0,), Row(5, 6), 5),
    (("id",), {"id": 3}, 3),
    (("0",), ("a", 1), "a"),
    (("f1",), ("a", 1), 1),
    (("_1",), ("a", 1), "a"),
    (("f0.f1",), (("a", "b"), 1), "b"),
    (("f0", "f1"), ("a", 1), ("a", 1)),
    (("f0", 1), ("a", 1), ("a", 1)),
    (("x",), Point(1, 2), 1),
    (("f1",), Point(1, 2), 2),
    (("name",), MARY, "Mary"),
    (("address.zip",), MARY, "123"),
    (("birthday._1",), MARY, 1),
    (("birthday._",), MARY, (1, 2, 1990)),
    (("birthday.*",), MARY, (1, 2, 1990)),
    (("address.*",), MARY, ("Main", "123")),
    (("*",), ("a", 1), ("a", 1)),
    (("_",), Point(1, 2), (1, 2)),
    (("*",), {"b": 1, "a": 2}, (2, 1)),
    (("*",), Row(b=1, a=2), (1, 2)),
    (("*",), Plain(), (1, 2)),
    (("*",), "word", "word"),
    (("a",), Row(b=1, a=2), 2),
    (("f1",), Row(b=1, a=2), 2),
    (("f0",), Row(f1="x", f0="y"), "y"),
    (("a",), Plain(), 1),
    (("a",), Slotted(), 7),
    (("a.b",), {"a": {"b": 9}}, 9),
    (("f0",), {"f0": 4}, 4),
]


@pytest.mark.parametrize(("fields", "record", "key"), CASES)
def test_fields(fields: tuple[int | str, ...], record: Any, key: Any) -> None:
    selector = field_key_selector(fields)
    assert selector(record) == key
    assert pickle.loads(pickle.dumps(selector))(record) == key
    assert selector(record) == key  # what was found out about the class is right the second time too


def test_positions_are_itemgetters() -> None:
    assert isinstance(field_key_selector((0,)), itemgetter)
    assert isinstance(field_key_selector((0, 2)), itemgetter)


def test_one_expression_on_records_of_several_kinds() -> None:
    selector = field_key_selector(("x",))
    assert [selector(each) for each in (Point(1, 2), {"x": 3}, Row(x=4))] == [1, 3, 4]


@pytest.mark.parametrize("record", [("a",), {"b": 1}, Row(1), Row(b=1), Plain(), "text", 5, Point(1, 2)])
def test_a_field_that_is_not_there(record: Any) -> None:
    with pytest.raises(KeyError, match=f"no field 'missing' in a {type(record).__name__}"):
        field_getter("missing")(record)


def test_methods_of_tuples_are_no_fields() -> None:
    with pytest.raises(KeyError, match="no field 'count'"):
        field_getter("count")(("a", 1))


@pytest.mark.parametrize("expression", ["", " ", "a..b", ".a", "a.", "*.a", "a b", "a-b"])
def test_expressions_that_cannot_be_read(expression: str, env: StreamExecutionEnvironment) -> None:
    with pytest.raises(ValueError, match="invalid field expression"):
        field_getter(expression)
    with pytest.raises(ValueError, match=r"test_field_access\.py"):
        env.from_sequence(1, 2).key_by(expression)
    with pytest.raises(ValueError, match=r"test_field_access\.py"):
        env.from_sequence(1, 2).key_by(0).sum(expression)


def test_positions_out_of_bounds() -> None:
    with pytest.raises(ValueError, match="negative"):
        field_getter(-1)
    with pytest.raises(TypeError):
        field_getter(True)
    with pytest.raises(ValueError, match="at least one"):
        projection(())


@given(st.lists(st.integers(), min_size=1, max_size=5), st.data())
def test_projection_takes_the_fields_in_order(values: list[int], data: st.DataObject) -> None:
    indexes = tuple(data.draw(st.lists(st.integers(0, len(values) - 1), min_size=1)))
    getter = projection(indexes)
    assert pickle.loads(pickle.dumps(getter))(tuple(values)) == tuple(values[index] for index in indexes)


class Modulo(KeySelector):
    def get_key(self, value: Any) -> Any:
        return value % 2


@pytest.mark.parametrize("given", [Modulo(), lambda v: v % 2])
def test_selectors_are_taken_as_they_are(given: Callable[[Any], Any], env: StreamExecutionEnvironment) -> None:
    keyed = env.from_sequence(1, 2).key_by(given)
    selector = keyed._key_selector()
    assert selector is given
    assert selector(3) == 1
