"""Type informations and the text that print() makes by them."""

from __future__ import annotations

import math
import pickle
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Row, RowKind, TypeInformation, Types
from millstream.common.typeinfo import BasicTypeInfo, RowTypeInfo
from millstream.common.typeinfo.java_text import double_text, float_text

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
]


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
    with pytest.raises(ValueError, match="1 fields in"):
        Types.ROW([Types.INT(), Types.INT()]).to_internal_type((1,))
    with pytest.raises(TypeError, match="cannot be a row"):
        Types.ROW([Types.INT()]).to_internal_type(1)
