"""Values become what their type information says, or are refused: never anything else."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import fractions
import math
import struct
from collections import OrderedDict
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Instant, Row, RowKind, Types
from millstream.common.typeinfo import ExternalTypeInfo, PojoTypeInfo, TypeInformation, TypeMismatchError
from millstream.common.types import Left, Right

INTEGERS = [(Types.BYTE(), 8), (Types.SHORT(), 16), (Types.INT(), 32), (Types.LONG(), 64)]


class Pair(NamedTuple):
    a: int
    b: str


class Text(str):
    __slots__ = ()


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int
    y: int


@dataclasses.dataclass
class Attributes:
    f0: int
    f1: str


PAIR = Types.TUPLE([Types.INT(), Types.STRING()])
ROW = Types.ROW([Types.INT(), Types.STRING()])


@pytest.mark.parametrize(("type_info", "bits"), INTEGERS)
@given(value=st.integers(-(2**70), 2**70))
def test_integers_that_fit_stay_and_others_are_refused(type_info: TypeInformation, bits: int, value: int) -> None:
    convert = type_info.conversion()
    if -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        assert convert(value) is value
    else:
        with pytest.raises(TypeMismatchError, match=f"{value} of type int is no .*more than {bits} bits"):
            convert(value)


@pytest.mark.parametrize(("type_info", "bits"), INTEGERS)
@given(value=st.integers(-(2**70), 2**70))
def test_elements_of_collections_keep_the_lowest_bits(type_info: TypeInformation, bits: int, value: int) -> None:
    expected = int.from_bytes((value % 2**bits).to_bytes(bits // 8, "big"), "big", signed=True)
    assert type_info.conversion(narrow=True)(value) == expected
    assert Types.LIST(type_info).conversion(narrow=True)([value]) == [expected]
    assert Types.ROW([type_info]).conversion(narrow=True)((value,)) == Row(f0=expected)
    assert Types.TUPLE([type_info, Types.STRING()]).conversion(narrow=True)((value, 5)) == (expected, "5")
    assert Types.MAP(Types.STRING(), type_info).conversion(narrow=True)({"a": value}) == {"a": expected}


@given(st.floats(width=64))
def test_floats_have_32_bits(value: float) -> None:
    converted = Types.FLOAT().to_internal_type(value)
    assert struct.pack("d", Types.FLOAT().to_internal_type(converted)) == struct.pack("d", converted)
    if abs(value) < 1e38:
        assert converted == pytest.approx(value, rel=1e-6, abs=1e-37)


def test_floats_that_are_too_large_are_infinite() -> None:
    convert = Types.FLOAT().conversion()
    assert [convert(1e300), convert(-1e300), convert(10**400)] == [float("inf"), float("-inf"), float("inf")]
    assert Types.DOUBLE().to_internal_type(-(10**400)) == -math.inf


CHANGED: list[tuple[TypeInformation, Any, Any]] = [
    (Types.INT(), True, 1),
    (Types.INT(), 1.9, 1),
    (Types.LONG(), Decimal(3), 3),
    (Types.INT(), Level.LOW, 1),
    (Types.DOUBLE(), 1, 1.0),
    (Types.DOUBLE(), Decimal("1.5"), 1.5),
    (Types.FLOAT(), True, 1.0),
    (Types.FLOAT(), fractions.Fraction(1, 2), 0.5),
    (Types.BOOLEAN(), 5, True),
    (Types.BOOLEAN(), 0.0, False),
    (Types.STRING(), Text("a"), "a"),
    (Types.CHAR(), Text("a"), "a"),
    (Types.BIG_INT(), True, 1),
    (Types.BIG_DEC(), 1, Decimal(1)),
    (Types.BIG_DEC(), 1.5, Decimal("1.5")),
    (Types.SQL_DATE(), dt.datetime(2020, 1, 2, 3), dt.date(2020, 1, 2)),  # noqa: DTZ001  # SQL has no zones
    (Types.SQL_TIME(), dt.time(1, 2, 3, 456789), dt.time(1, 2, 3, 456000)),
    (Types.SQL_TIMESTAMP(), dt.datetime(2020, 1, 2, 3, 4, 5, 678901), dt.datetime(2020, 1, 2, 3, 4, 5, 678000)),  # noqa: DTZ001  # SQL has no zones
    (PAIR, [True, "a"], (1, "a")),
    (PAIR, Row(1, "a"), (1, "a")),
    (PAIR, Pair(1, "a"), (1, "a")),
    (Types.LIST(Types.BYTE()), (1, 2), [1, 2]),
    (Types.LIST(Types.DOUBLE()), [1, None], [1.0, None]),
    (Types.PRIMITIVE_ARRAY(Types.BYTE()), bytearray(b"ab"), b"ab"),
    (Types.PRIMITIVE_ARRAY(Types.BYTE()), [-1, 2], b"\xff\x02"),
    (Types.PRIMITIVE_ARRAY(Types.INT()), (1, 2), [1, 2]),
    (Types.OBJECT_ARRAY(Types.ROW([Types.INT()])), [(1,), None], [Row(f0=1), None]),
    (Types.MAP(Types.STRING(), Types.DOUBLE()), {"a": 1}, {"a": 1.0}),
    (Types.MAP(Types.STRING(), Types.INT()), OrderedDict(a=1), {"a": 1}),
    (ROW, (True, "a"), Row(f0=1, f1="a")),
    (ROW, [1, None], Row(f0=1, f1=None)),
    (ROW, Attributes(1, "a"), Row(f0=1, f1="a")),
    (ROW, Row(f1="a", f0=True), Row(f0=1, f1="a")),
    (ROW, {"f1": "a"}, Row(f0=None, f1="a")),
    (ROW, Row.of_kind(RowKind.DELETE, 1.0, "a"), Row.of_kind(RowKind.DELETE, f0=1, f1="a")),
    (Types.ROW_NAMED(["a"], [Types.TUPLE([Types.BYTE()])]), ((True,),), Row(a=(1,))),
    (Types.CASE_CLASS(Pair, [Types.INT(), Types.STRING()]), (True, "a"), Pair(1, "a")),
    (Types.EITHER(Types.INT(), Types.STRING()), Left(True), Left(1)),
    (ExternalTypeInfo(Types.INT()), 1.5, 1),
]

KEPT: list[tuple[TypeInformation, Any]] = [
    (PAIR, (1, "a")),
    (PAIR, (None, None)),
    (ROW, Row(f0=1, f1="a")),
    (Types.STRING(), "a"),
    (Types.BOOLEAN(), True),
    (Types.BIG_INT(), 2**100),
    (Types.BIG_DEC(), Decimal("1.50")),
    (Types.INSTANT(), Instant(5, 6)),
    (Types.SQL_DATE(), dt.date(2020, 1, 2)),
    (Types.SQL_TIME(), dt.time(1, 2, 3, 4000)),
    (Types.SQL_TIMESTAMP(), dt.datetime(2020, 1, 2)),  # noqa: DTZ001  # SQL has no zones
    (Types.PICKLED_BYTE_ARRAY(), object()),
    (Types.LIST(Types.INT()), [1, None]),
    (Types.BASIC_ARRAY(Types.STRING()), ["a", None]),
    (Types.PRIMITIVE_ARRAY(Types.BYTE()), b"ab"),
    (Types.MAP(Types.STRING(), Types.INT()), {"a": None}),
    (Types.POJO(Point), Point(1, 2)),
    (Types.CASE_CLASS(Pair), Pair(1, "a")),
    (Types.ENUM(Colour), Colour.RED),
    (Types.EITHER(Types.INT(), Types.STRING()), Right("a")),
]

REFUSED: list[tuple[TypeInformation, Any]] = [
    (Types.INT(), "abc"),
    (Types.INT(), math.nan),
    (Types.INT(), math.inf),
    (Types.INT(), 1j),
    (Types.DOUBLE(), "1.5"),
    (Types.STRING(), 5),
    (Types.STRING(), b"x"),
    (Types.CHAR(), "ab"),
    (Types.BOOLEAN(), "x"),
    (Types.BIG_INT(), 1.5),
    (Types.BIG_DEC(), "1"),
    (Types.INSTANT(), 5),
    (Types.SQL_DATE(), "2020-01-02"),
    (Types.SQL_TIME(), 5),
    (Types.SQL_TIMESTAMP(), dt.date(2020, 1, 2)),
    (PAIR, "ab"),
    (PAIR, (1,)),
    (PAIR, (1, "a", 2)),
    (PAIR, (1, 2)),
    (ROW, object()),
    (ROW, "ab"),
    (Types.LIST(Types.INT()), "ab"),
    (Types.LIST(Types.INT()), ["a"]),
    (Types.PRIMITIVE_ARRAY(Types.INT()), [1, None]),
    (Types.PRIMITIVE_ARRAY(Types.BYTE()), [300]),
    (Types.PRIMITIVE_ARRAY(Types.BYTE()), "ab"),
    (Types.MAP(Types.STRING(), Types.INT()), [("a", 1)]),
    (Types.MAP(Types.STRING(), Types.INT()), {1: 1}),
    (Types.POJO(Point), (1, 2)),
    (Types.CASE_CLASS(Pair), (1,)),
    (Types.ENUM(Colour), "red"),
    (Types.EITHER(Types.INT(), Types.STRING()), 1),
]


@pytest.mark.parametrize(("type_info", "value", "expected"), CHANGED)
def test_what_can_be_made_of_the_type_is(type_info: TypeInformation, value: Any, expected: Any) -> None:
    converted = type_info.conversion()(value)
    assert converted == expected == type_info.to_internal_type(value)
    assert type(converted) is type(expected)
    assert type_info.need_conversion()
    again = type_info.conversion()(converted)
    assert again == converted


@pytest.mark.parametrize(("type_info", "value"), KEPT)
def test_what_is_of_the_type_stays_the_same_object(type_info: TypeInformation, value: Any) -> None:
    assert type_info.conversion()(value) is value
    assert type_info.from_internal_type(value) is value


@pytest.mark.parametrize(("type_info", "value"), REFUSED)
def test_anything_else_is_refused_with_the_value_and_the_type(type_info: TypeInformation, value: Any) -> None:
    with pytest.raises(TypeMismatchError, match=r"is no \w"):
        type_info.conversion()(value)


@pytest.mark.parametrize("type_info", [case[0] for case in [*CHANGED, *KEPT]])
def test_nothing_is_of_every_type(type_info: TypeInformation) -> None:
    assert type_info.conversion()(None) is None


@pytest.mark.parametrize("type_info", [case[0] for case in [*CHANGED, *KEPT]])
def test_a_guard_is_true_for_nothing_that_would_change(type_info: TypeInformation) -> None:
    guard = type_info.guard("value")
    for value in [case[1] for case in [*CHANGED, *KEPT, *REFUSED]]:
        if guard is not None and eval(guard, {"value": value}):
            assert type_info.conversion()(value) is value


def test_a_value_whose_repr_fails_is_named_by_its_type() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    with pytest.raises(TypeMismatchError, match=r"repr raises ZeroDivisionError.*of type .*Hostile is no Integer"):
        Types.INT().to_internal_type(Hostile())


def test_long_values_are_cut() -> None:
    with pytest.raises(TypeMismatchError) as caught:
        Types.INT().to_internal_type("x" * 10_000)
    assert len(str(caught.value)) < 200


def test_what_is_no_type_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Types\.STRING"):
        Types.TUPLE([int])  # type: ignore[list-item]  # the mistake itself
    with pytest.raises(TypeError, match="not String alone"):
        Types.ROW(Types.STRING())  # type: ignore[arg-type]  # the mistake itself
    with pytest.raises(TypeError, match="Invalid element type"):
        Types.PRIMITIVE_ARRAY(Types.STRING())
    with pytest.raises(TypeError, match="Invalid element type"):
        Types.BASIC_ARRAY(Types.ROW([]))
    with pytest.raises(TypeError, match="dataclass"):
        Types.POJO(int)
    with pytest.raises(TypeError, match="NamedTuple"):
        Types.CASE_CLASS(tuple)
    with pytest.raises(TypeError, match="Enum"):
        Types.ENUM(int)  # type: ignore[arg-type]  # the mistake itself
    with pytest.raises(ValueError, match="has the fields x, y"):
        PojoTypeInfo(Point, ["x", "z"])


def test_a_signaling_nan_is_no_float() -> None:
    with pytest.raises(TypeMismatchError, match="sNaN"):
        Types.DOUBLE().to_internal_type(Decimal("sNaN"))
