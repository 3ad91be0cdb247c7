"""Values become what their type information says, as they do in Flink's typed streams."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Row, Types
from millstream.common.typeinfo import TypeInformation


@pytest.mark.parametrize(
    ("type_info", "bits"), [(Types.BYTE(), 8), (Types.SHORT(), 16), (Types.INT(), 32), (Types.LONG(), 64)]
)
@given(value=st.integers(-(2**70), 2**70))
def test_integers_wrap_at_their_width(type_info: TypeInformation, bits: int, value: int) -> None:
    expected = int.from_bytes((value % 2**bits).to_bytes(bits // 8, "big"), "big", signed=True)
    assert type_info.conversion()(value) == type_info.to_internal_type(value) == expected


@given(st.floats(width=64))
def test_floats_have_32_bits(value: float) -> None:
    converted = Types.FLOAT().to_internal_type(value)
    assert struct.pack("d", Types.FLOAT().to_internal_type(converted)) == struct.pack("d", converted)
    if abs(value) < 1e38:
        assert converted == pytest.approx(value, rel=1e-6, abs=1e-37)


def test_floats_that_are_too_large_are_infinite() -> None:
    convert = Types.FLOAT().conversion()
    assert [convert(1e300), convert(-1e300), convert(10**400)] == [float("inf"), float("-inf"), float("inf")]


@pytest.mark.parametrize(
    ("type_info", "value", "expected"),
    [
        (Types.DOUBLE(), 1, 1.0),
        (Types.BOOLEAN(), 5, True),
        (Types.INT(), None, None),
        (Types.STRING(), 5, 5),
        (Types.FLOAT(), "x", "x"),
        (Types.TUPLE([Types.INT(), Types.STRING()]), [2**31, "a"], (-(2**31), "a")),
        (Types.TUPLE([Types.INT()]), None, None),
        (Types.LIST(Types.BYTE()), [128], [-128]),
        (Types.MAP(Types.STRING(), Types.BYTE()), {"a": 128}, {"a": -128}),
        (Types.ROW([Types.BYTE(), Types.STRING()]), (128, "a"), Row(f0=-128, f1="a")),
        (Types.ROW_NAMED(["a"], [Types.TUPLE([Types.BYTE()])]), ((128,),), Row(a=(-128,))),
    ],
)
def test_other_values(type_info: TypeInformation, value: Any, expected: Any) -> None:
    converted = type_info.conversion()(value)
    assert converted == expected
    assert type(converted) is type(expected)


def test_a_tuple_that_fits_stays_the_same_object() -> None:
    value = (1, "a")
    assert Types.TUPLE([Types.INT(), Types.STRING()]).conversion()(value) is value


def test_a_tuple_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="1 fields"):
        Types.TUPLE([Types.INT(), Types.INT()]).to_internal_type((1,))
