"""Type informations and the text that print() makes by them."""

from __future__ import annotations

import datetime as dt
import math
import pickle
import struct
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Instant, Row, RowKind, TypeInformation, Types
from millstream.common.typeinfo import BasicTypeInfo, ExternalTypeInfo, RowTypeInfo, TypeMismatchError
from millstream.common.typeinfo.java_text import double_text, float_text
from millstream.common.types import Right

TEXTS: list[tuple[TypeInformation, Any, str]] = [
    (Types.STRING(), "a", "a"),
    (Types.INT(), 1, "1"),
    (Types.BOOLEAN(), True, "true"),
    (Types.DOUBLE(), 1.5, "1.5"),
    (Types.DOUBLE(), 1e20, "1.0E20"),
    (Types.FLOAT(), 0.1, "0.1"),
    (Types.PICKLED_BYTE_ARRAY(), ("a", 1), "('a', 1)"),
    (Types.TUPLE([Types.STRING(), Types.INT()]), ("To", 1), "(To,1)"),
    (Types.TUPLE([Types.STRING(), Types.BOOLEAN()]), (None, False), "(null,false)"),
    (Types.TUPLE([Types.TUPLE([Types.INT()]), Types.LIST(Types.INT())]), ((1,), [1, 2]), "((1),[1, 2])"),
    (Types.ROW([Types.INT(), Types.STRING()]), Row(1, "hi"), "+I[1,hi]"),
    (Types.ROW([Types.INT(), Types.STRING()]), (1, "hi"), "+I[1,hi]"),
    (Types.ROW([Types.INT()]), Row.of_kind(RowKind.DELETE, 1), "-D[1]"),
    (Types.ROW([Types.BOOLEAN(), Types.STRING()]), Row(True, None), "+I[True,None]"),
    (Types.MAP(Types.STRING(), Types.INT()), {"a": 1, "b": 2}, "{a=1, b=2}"),
    (Types.SQL_DATE(), dt.date(2020, 1, 2), "2020-01-02"),
    (Types.SQL_TIME(), dt.time(1, 2, 3, 456000), "01:02:03"),
    (Types.SQL_TIMESTAMP(), dt.datetime(2020, 1, 2, 3, 4, 5), "2020-01-02 03:04:05.0"),  # noqa: DTZ001  # SQL's
    (Types.INSTANT(), Instant(5, 6), "1970-01-01T00:00:05.000000006Z"),
    (Types.INSTANT(), Instant(5, 600_000_000), "1970-01-01T00:00:05.600Z"),
    (Types.INSTANT(), Instant(-1, 0), "1969-12-31T23:59:59Z"),
    (Types.BIG_DEC(), Decimal("1E+3"), "1E+3"),
    (Types.TUPLE([Types.ROW([Types.INT(), Types.BOOLEAN()])]), (Row(1, True),), "(+I[1, true])"),
    (Types.ROW([Types.DOUBLE(), Types.TUPLE([Types.INT()])]), Row(1.0, (1,)), "+I[1.0,(1,)]"),
    (Types.PRIMITIVE_ARRAY(Types.BYTE()), b"a\xff", "[97, -1]"),
    (Types.BASIC_ARRAY(Types.DOUBLE()), [1e10, None], "[1.0E10, null]"),
    (Types.EITHER(Types.INT(), Types.BOOLEAN()), Right(True), "Right(true)"),
]


REPRS = [
    (Types.SQL_DATE(), "DateTypeInfo"),
    (Types.SQL_TIME(), "TimeTypeInfo"),
    (Types.SQL_TIMESTAMP(), "TimestampTypeInfo"),
    (Types.INSTANT(), "Instant"),
    (Types.PICKLED_BYTE_ARRAY(), "PickledByteArrayTypeInfo"),
    (Types.PRIMITIVE_ARRAY(Types.INT()), "PrimitiveArrayTypeInfo<Integer>"),
    (Types.BASIC_ARRAY(Types.INT()), "BasicArrayTypeInfo<Integer>"),
    (Types.OBJECT_ARRAY(Types.ROW([Types.INT()])), "ObjectArrayTypeInfo<RowTypeInfo(Integer)>"),
    (Types.LIST(Types.INT()), "ListTypeInfo<Integer>"),
    (Types.MAP(Types.INT(), Types.STRING()), "MapTypeInfo<Integer, String>"),
    (Types.TUPLE([Types.INT(), Types.STRING()]), "TupleTypeInfo(Integer, String)"),
    (Types.ROW([Types.INT(), Types.STRING()]), "RowTypeInfo(Integer, String)"),
    (Types.ROW_NAMED(["a", "b"], [Types.INT(), Types.LONG()]), "RowTypeInfo(a: Integer, b: Long)"),
    (Types.EITHER(Types.INT(), Types.STRING()), "Either <Integer, String>"),
    (ExternalTypeInfo(Types.INT()), "ExternalTypeInfo<Integer>"),
]


@pytest.mark.parametrize(("type_info", "text"), REPRS)
def test_they_are_called_as_pyflinks_are(type_info: TypeInformation, text: str) -> None:
    assert repr(type_info) == str(type_info) == text


@pytest.mark.parametrize(("type_info", "value", "text"), TEXTS)
def test_texts(type_info: TypeInformation, value: Any, text: str) -> None:
    assert type_info.to_text(value) == text
    assert type_info.text_differs() or str(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e7, "1.0E7"),
        (9999999.5, "9999999.5"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (-12345678.9, "-1.23456789E7"),
        (1e-300, "1.0E-300"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
    ],
)
def test_doubles_as_java_writes_them(value: float, text: str) -> None:
    assert double_text(value) == text


def test_large_whole_numbers_are_written_like_java_17_does() -> None:
    assert [float_text(value) for value in (123456789.0, 16777216.0, 1e10, -123456789.0)] == [
        "1.23456792E8",
        "1.6777216E7",
        "1.0E10",
        "-1.23456792E8",
    ]
    assert [double_text(value) for value in (2.0**60, 2.0**62 + 2**20, 1e18, 2.0**63)] == [
        "1.15292150460684698E18",
        "4.6116860184284365E18",
        "1.0E18",
        "9.223372036854776E18",
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_doubles_text_reads_back(value: float) -> None:
    assert float(double_text(value)) == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_floats_text_reads_back(value: float) -> None:
    assert struct.unpack("f", struct.pack("f", float(float_text(value))))[0] == value


@pytest.mark.parametrize("type_info", [case[0] for case in TEXTS])
def test_they_travel_and_compare_by_value(type_info: TypeInformation) -> None:
    copy = pickle.loads(pickle.dumps(type_info))
    assert copy == type_info
    assert hash(copy) == hash(type_info)
    assert repr(copy) == repr(type_info)


def test_different_types_differ() -> None:
    distinct = [
        Types.INT(),
        Types.LONG(),
        Types.TUPLE([Types.INT()]),
        Types.ROW([Types.INT()]),
        Types.ROW_NAMED(["a"], [Types.INT()]),
        Types.LIST(Types.INT()),
    ]
    assert len(set(distinct)) == len(distinct)
    assert Types.INT() == BasicTypeInfo.INT_TYPE_INFO()
    assert Types.INT() != 3


def test_rows() -> None:
    row = Types.ROW_NAMED(["id", "name"], [Types.INT(), Types.STRING()])
    assert row.get_field_names() == ["id", "name"]
    assert row.get_field_types() == [Types.INT(), Types.STRING()]
    assert (row.get_field_index("name"), row.get_field_index("x")) == (1, -1)
    assert Types.ROW([Types.INT()]).get_field_names() == ["f0"]
    assert repr(row) == "RowTypeInfo(id: Integer, name: String)"
    with pytest.raises(ValueError, match="1 field names for 2"):
        RowTypeInfo([Types.INT(), Types.INT()], ["a"])
    with pytest.raises(ValueError, match="twice"):
        RowTypeInfo([Types.INT(), Types.INT()], ["a", "a"])


CONVERSIONS: list[tuple[TypeInformation, Any, Any]] = [
    (Types.ROW([Types.INT(), Types.STRING()]), (1, "a"), Row(f0=1, f1="a")),
    (Types.ROW([Types.INT()]), Row(1), Row(f0=1)),
    (Types.ROW_NAMED(["a", "b"], [Types.INT(), Types.INT()]), {"b": 2, "a": 1}, Row(a=1, b=2)),
    (Types.ROW_NAMED(["a", "b"], [Types.INT(), Types.INT()]), Row(b=2, a=1), Row(a=1, b=2)),
    (Types.ROW([Types.ROW([Types.INT()])]), ((1,),), Row(f0=Row(f0=1))),
    (Types.ROW([Types.INT()]), Row.of_kind(RowKind.DELETE, 1), Row.of_kind(RowKind.DELETE, f0=1)),
    (Types.TUPLE([Types.ROW([Types.INT()]), Types.INT()]), ((1,), 2), (Row(f0=1), 2)),
    (Types.LIST(Types.ROW([Types.INT()])), [(1,), None], [Row(f0=1), None]),
    (Types.MAP(Types.STRING(), Types.ROW([Types.INT()])), {"k": (1,)}, {"k": Row(f0=1)}),
    (Types.TUPLE([Types.INT()]), (1,), (1,)),
]


@pytest.mark.parametrize(("type_info", "value", "converted"), CONVERSIONS)
def test_values_become_rows_where_the_type_says_so(type_info: TypeInformation, value: Any, converted: Any) -> None:
    assert type_info.to_internal_type(value) == converted
    assert type_info.need_conversion() or value == converted


def test_what_cannot_be_a_row() -> None:
    row = Types.ROW_NAMED(["a", "b"], [Types.INT(), Types.INT()])
    with pytest.raises(TypeMismatchError, match="it has 1 fields, the type 2"):
        row.to_internal_type((1,))
    with pytest.raises(TypeMismatchError, match="1 of type int is no RowTypeInfo"):
        row.to_internal_type(1)
    with pytest.raises(TypeMismatchError, match="it has the fields a, x, the type a, b"):
        row.to_internal_type(Row(a=1, x=2))
