"""Many values at once become what each of them becomes alone."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import enum
import math
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Instant, Row, RowKind, Types
from millstream.common.typeinfo import ExternalTypeInfo, TypeInformation
from millstream.common.types import Left, Right


class Pair(NamedTuple):
    a: Any
    b: Any


class Text(str):
    __slots__ = ()


class Number(int):
    __slots__ = ()


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: int


SIMPLE: dict[str, tuple[TypeInformation, st.SearchStrategy[Any]]] = {
    "string": (Types.STRING(), st.text(max_size=3)),
    "byte": (Types.BYTE(), st.integers(-130, 130)),
    "short": (Types.SHORT(), st.integers(-(2**15) - 2, 2**15 + 1)),
    "int": (Types.INT(), st.integers(-(2**31) - 2, 2**31 + 1)),
    "long": (Types.LONG(), st.integers(-(2**63) - 2, 2**63 + 1)),
    "big int": (Types.BIG_INT(), st.integers()),
    "float": (Types.FLOAT(), st.floats()),
    "single": (Types.FLOAT(), st.floats(width=32)),
    "double": (Types.DOUBLE(), st.floats()),
    "boolean": (Types.BOOLEAN(), st.booleans()),
    "char": (Types.CHAR(), st.text(min_size=1, max_size=2)),
    "decimal": (Types.BIG_DEC(), st.decimals(allow_nan=False)),
    "instant": (Types.INSTANT(), st.builds(Instant, st.integers(0, 9), st.integers(0, 9))),
    "date": (Types.SQL_DATE(), st.dates()),
    "time": (Types.SQL_TIME(), st.times()),
    "timestamp": (Types.SQL_TIMESTAMP(), st.datetimes()),
    "any": (Types.PICKLED_BYTE_ARRAY(), st.integers()),
    "bytes": (Types.PRIMITIVE_ARRAY(Types.BYTE()), st.binary(max_size=2)),
    "enum": (Types.ENUM(Colour), st.just(Colour.RED)),
    "pojo": (Types.POJO(Point), st.builds(Point, st.just(1), st.just(2))),
}
ODD: list[Any] = [
    None,
    True,
    1.5,
    math.nan,
    -0.0,
    10**400,
    "abc",
    Text("a"),
    Number(5),
    b"x",
    (),
    (1,),
    [1, "a"],
    (1, "a", 2.0),
    Pair(1, "a"),
    {"f0": 1},
    {1: "a"},
    Row(1, "a"),
    Row(f0=1, f1="a"),
    Row(f1="a", f0=1),
    Row.of_kind(RowKind.DELETE, 1),
    Decimal(2),
    dt.datetime(2020, 1, 2),  # noqa: DTZ001  # SQL has no zones
    Left(1),
    object(),
]


def _tuples(fields: list[tuple[TypeInformation, st.SearchStrategy[Any]]]) -> Any:
    return st.tuples(*(values for _, values in fields))


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Pairs of a type and what makes values for it, from such pairs."""
    fields = st.lists(inner, max_size=3)
    names = ["f0", "f1", "f2"]

    def rows(of: list[Any]) -> Any:
        types = [each for each, _ in of]
        plain = _tuples(of)
        named = plain.map(lambda values: Row(**dict(zip(names, values, strict=False))))
        kinds = plain.map(lambda values: Row.of_kind(RowKind.UPDATE_AFTER, *values))
        return st.sampled_from([plain, named, plain.map(lambda values: Row(*values)), kinds, plain | named]).map(
            lambda values: (Types.ROW(types), values)
        )

    return st.one_of(
        fields.map(lambda of: (Types.TUPLE([each for each, _ in of]), _tuples(of))),
        fields.flatmap(rows),
        inner.map(lambda of: (Types.LIST(of[0]), st.lists(of[1], max_size=3))),
        inner.map(lambda of: (Types.OBJECT_ARRAY(of[0]), st.lists(of[1] | st.none(), max_size=3))),
        inner.map(lambda of: (ExternalTypeInfo(of[0]), of[1])),
        inner.map(
            lambda of: (Types.MAP(Types.STRING(), of[0]), st.dictionaries(st.text(max_size=1), of[1], max_size=2))
        ),
        st.tuples(inner, inner).map(
            lambda of: (Types.CASE_CLASS(Pair, [of[0][0], of[1][0]]), _tuples(list(of)).map(Pair._make))
        ),
        st.tuples(inner, inner).map(
            lambda of: (Types.EITHER(of[0][0], of[1][0]), of[0][1].map(Left) | of[1][1].map(Right))
        ),
    )


TYPES = st.recursive(st.sampled_from(list(SIMPLE.values())), _grown, max_leaves=4)


def _outcome(convert: Any, values: list[Any]) -> str:
    """What comes out, to the last bit, or the error."""
    try:
        return repr(convert(values))
    except Exception as error:  # noqa: BLE001  # whatever it is, it has to be the same
        return f"{type(error).__name__}: {error}"


@given(st.data())
def test_a_batch_becomes_what_its_values_become(data: st.DataObject) -> None:
    type_info, good = data.draw(TYPES)
    values = data.draw(st.lists(good | st.sampled_from(ODD), max_size=4) | st.lists(good, max_size=4))
    before = repr(values)
    convert = type_info.conversion()
    each = _outcome(lambda values: list(map(convert, values)), copy.copy(values))
    assert _outcome(type_info.batch_conversion(), values) == each
    assert repr(values) == before


@given(st.data())
def test_what_passes_the_test_is_of_the_type(data: st.DataObject) -> None:
    type_info, good = data.draw(TYPES)
    column = data.draw(st.lists(good | st.sampled_from(ODD), max_size=3))
    if type_info.column_test()(column):
        convert = type_info.conversion()
        assert repr(list(map(convert, column))) == repr(column)
        if "Float" not in repr(type_info):
            assert all(convert(value) is value for value in column)


@pytest.mark.parametrize("name", SIMPLE)
@given(data=st.data())
def test_values_of_a_type_pass_its_test(name: str, data: st.DataObject) -> None:
    type_info, good = SIMPLE[name]
    column = [value for value in data.draw(st.lists(good)) if _outcome(type_info.conversion(), value) == repr(value)]
    unequal = [value for value in column if value != value]
    assert type_info.column_test()(column) or unequal
    assert Types.TUPLE([type_info]).column_test()([(value,) for value in column]) or unequal


def test_rows_get_their_names_without_being_changed() -> None:
    rows = [Row(1, "a"), Row.of_kind(RowKind.DELETE, 2, "b")]
    named = Types.ROW_NAMED(["a", "b"], [Types.INT(), Types.STRING()]).batch_conversion()(rows)
    assert named == [Row(a=1, b="a"), Row.of_kind(RowKind.DELETE, a=2, b="b")]
    assert rows == [Row(1, "a"), Row.of_kind(RowKind.DELETE, 2, "b")]
    named[1][0] = 5
    assert rows[1][0] == 2
