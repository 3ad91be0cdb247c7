"""Types of annotations, classes and samples."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import typing
from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Dict, List, Literal, NamedTuple, NewType, Optional, Tuple, Union  # noqa: UP035  # as programs write them

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Instant, Row, TypeInformation, Types
from millstream.common.typeinfo.type_hints import type_of_hint, type_of_value, type_of_values

Untyped = namedtuple("Untyped", "a b")  # noqa: PYI024  # programs have such
UserId = NewType("UserId", int)
T = typing.TypeVar("T")
ANY = Types.PICKLED_BYTE_ARRAY()


class Colour(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    word: str
    number: int


@dataclasses.dataclass
class Reading:
    sensor: str
    celsius: float | None
    tags: list[str]


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Tree]


PAIR = Types.CASE_CLASS(Pair, [Types.STRING(), Types.LONG()])
READING = Types.POJO(Reading, {"sensor": Types.STRING(), "celsius": Types.DOUBLE(), "tags": Types.LIST(Types.STRING())})

HINTS: list[tuple[Any, TypeInformation]] = [
    (str, Types.STRING()),
    (int, Types.LONG()),
    (bool, Types.BOOLEAN()),
    (float, Types.DOUBLE()),
    (bytes, Types.PRIMITIVE_ARRAY(Types.BYTE())),
    (decimal.Decimal, Types.BIG_DEC()),
    (Instant, Types.INSTANT()),
    (dt.date, Types.SQL_DATE()),
    (dt.time, Types.SQL_TIME()),
    (dt.datetime, Types.SQL_TIMESTAMP()),
    (tuple[str, int], Types.TUPLE([Types.STRING(), Types.LONG()])),
    (Tuple[str, int], Types.TUPLE([Types.STRING(), Types.LONG()])),  # noqa: UP006  # as programs write it
    (tuple[int, ...], ANY),
    (tuple[()], Types.TUPLE([])),
    (list[int], Types.LIST(Types.LONG())),
    (List[int], Types.LIST(Types.LONG())),  # noqa: UP006  # as programs write it
    (Sequence[float], Types.LIST(Types.DOUBLE())),
    (dict[str, int], Types.MAP(Types.STRING(), Types.LONG())),
    (Dict[str, int], Types.MAP(Types.STRING(), Types.LONG())),  # noqa: UP006  # as programs write it
    (Mapping[str, list[int]], Types.MAP(Types.STRING(), Types.LIST(Types.LONG()))),
    (Optional[str], Types.STRING()),  # noqa: UP045  # as programs write it
    (str | None, Types.STRING()),
    (Union[str, int], ANY),  # noqa: UP007  # as programs write it
    (Literal["a", "b"], Types.STRING()),
    (Annotated[int, "seconds"], Types.LONG()),
    (Annotated[int, Types.INT()], Types.INT()),
    (UserId, Types.LONG()),
    (Colour, Types.ENUM(Colour)),
    (Pair, PAIR),
    (Untyped, Types.CASE_CLASS(Untyped)),
    (Reading, READING),
    (Tree, Types.POJO(Tree, {"value": Types.LONG(), "children": Types.LIST(ANY)})),
    (tuple[Reading, Pair], Types.TUPLE([READING, PAIR])),
    (Types.SHORT(), Types.SHORT()),
    (Any, ANY),
    (T, ANY),
    (object, ANY),
    (Row, ANY),
    (list, ANY),
    (None, ANY),
    ("no such hint", ANY),
]


@pytest.mark.parametrize(("hint", "expected"), HINTS)
def test_types_of_hints(hint: Any, expected: TypeInformation) -> None:
    assert type_of_hint(hint) == TypeInformation.of(hint) == expected


def test_a_class_whose_annotations_cannot_be_read() -> None:
    @dataclasses.dataclass
    class Odd:
        value: NoSuchName  # type: ignore[name-defined]  # noqa: F821  # such names exist for type checkers only

    assert type_of_hint(Odd) == Types.POJO(Odd)


VALUES: list[tuple[list[Any], TypeInformation]] = [
    ([1, 2], Types.LONG()),
    ([1, 2**63], Types.BIG_INT()),
    ([-(2**63) + 1], Types.LONG()),
    ([True], Types.BOOLEAN()),
    ([True, 1], ANY),
    ([1, 1.0], ANY),
    ([None, "a"], Types.STRING()),
    ([], ANY),
    ([None], ANY),
    ([("a", None), (None, 1)], Types.TUPLE([Types.STRING(), Types.LONG()])),
    ([("a", 1), ("a",)], ANY),
    ([[], [1]], Types.LIST(Types.LONG())),
    ([{"a": None}, {"b": 1.5}], Types.MAP(Types.STRING(), Types.DOUBLE())),
    ([Row(1, "a")], Types.ROW([Types.LONG(), Types.STRING()])),
    ([Row(a=None), Row(a=1)], Types.ROW_NAMED(["a"], [Types.LONG()])),
    ([Row(a=1), Row(b=1)], ANY),
    ([Pair("a", 1), Pair("b", 2)], PAIR),
    ([Reading("a", None, []), Reading("b", 1.0, ["x"])], READING),
    ([Colour.RED], Types.ENUM(Colour)),
    ([object()], ANY),
    ([dt.date(2020, 1, 1)], Types.SQL_DATE()),
    ([dt.time(1, 2)], Types.SQL_TIME()),
    ([dt.time(1, 2, 3, 4)], ANY),
    ([[], {}, []], ANY),
]


@pytest.mark.parametrize(("values", "expected"), VALUES)
def test_types_of_samples(values: list[Any], expected: TypeInformation) -> None:
    assert type_of_values(values) == expected
    if len(values) == 1 and values[0] is not None:
        assert type_of_value(values[0]) == expected


atoms = st.none() | st.integers() | st.text() | st.booleans() | st.floats() | st.dates() | st.datetimes() | st.binary()
samples = st.recursive(
    atoms,
    lambda inner: st.tuples(inner, inner) | st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=8,
)


@given(st.lists(samples, max_size=5))
def test_samples_are_of_the_type_that_is_found_for_them(values: list[Any]) -> None:
    convert = type_of_values(values).conversion()
    for value in values:
        assert convert(value) is value
