"""Equal keys have equal bytes, different ones have not, and the order of bytes is that of the keys."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import math
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.types.row import Row
from millstream.datastream.window import CountWindow, GlobalWindow, TimeWindow
from millstream.taskmanager.state.rocksdb.key_encoding import decode_key, encode_key, encode_numbers

_numbers = st.integers() | st.floats(allow_nan=False) | st.booleans()
_texts = st.text() | st.just("\0\ud800")
_plain = st.recursive(
    st.none() | _numbers | _texts | st.binary(),
    lambda inner: st.tuples(inner) | st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)
_keys = (
    _plain
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.complex_numbers(allow_nan=False)
    | st.datetimes()
    | st.datetimes(timezones=st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.builds(TimeWindow, st.integers(), st.integers())
    | st.builds(CountWindow, st.integers())
    | st.just(GlobalWindow())
)


@given(_keys, _keys)
def test_bytes_are_equal_when_keys_are(first: Any, second: Any) -> None:
    assert (encode_key(first)[0] == encode_key(second)[0]) == (first == second)


@given(_keys, st.binary(max_size=3))
def test_an_encoding_ends_itself_and_gives_the_key_again(key: Any, rest: bytes) -> None:
    data, faithful = encode_key(key)
    found, end = decode_key(data + b"\x01" + rest)
    assert end == len(data)
    if faithful:
        assert found == key
        assert repr(found) == repr(key) or isinstance(key, (frozenset, tuple))


@given(st.lists(_numbers, min_size=2), st.lists(_texts), st.lists(st.binary()))
def test_the_order_is_kept(numbers: list[Any], texts: list[str], pieces: list[bytes]) -> None:
    for keys in (numbers, texts, pieces, [(number, text) for number, text in zip(numbers, texts, strict=False)]):
        assert sorted(keys, key=lambda key: encode_key(key)[0]) == sorted(keys)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Name(str, enum.Enum):
    ANN = "ann"


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: float
    note: str = dataclasses.field(default="", compare=False)


class Stable:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __stable_key__(self) -> Any:
        return self.value


class Pair(NamedTuple):
    a: Any
    b: Any


def test_what_equals_what() -> None:
    same: list[tuple[Any, ...]] = [
        (1, 1.0, True, Decimal(1), Fraction(1), 1 + 0j),
        (0.5, Decimal("0.5"), Fraction(1, 2)),
        (-0.0, 0, False),
        ("ann", Name.ANN),
        ((1, 2), Pair(1, 2), (True, 2.0)),
        (Point(1, 2), Point(1, 2.0, "other")),
        (Row(a=1, b=2), Row(b=2, a=1)),
        (Row(1, 2), Row(1, 2.0)),
        (Stable((1, "a")), Stable((True, "a"))),
        (math.inf, Decimal("Infinity")),
        (dt.datetime(2020, 1, 1, 12, tzinfo=dt.timezone.utc),
         dt.datetime(2020, 1, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
    ]  # fmt: skip
    encodings: list[bytes] = []
    for keys in same:
        found = {encode_key(key)[0] for key in keys}
        assert len(found) == 1, keys
        encodings += found
    others = [Colour.RED, Colour.BLUE, Fraction(1, 3), uuid.UUID(int=1), dt.date(2020, 1, 1), "", b"", (), None]
    encodings += [encode_key(other)[0] for other in others]
    assert len(set(encodings)) == len(encodings)
    assert [encode_key(key)[1] for key in (1, 1.0, True, "a", Name.ANN, (1, "b"), (1, True))] == [
        True, False, False, True, False, True, False,
    ]  # fmt: skip
    assert encode_key(2 ** (8 * 300))[0] > encode_key(2 ** (8 * 254))[0] > encode_key(5)[0]
    assert decode_key(encode_key(-(2 ** (8 * 300)))[0])[0] == -(2 ** (8 * 300))


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1), st.binary(max_size=2))
def test_many_numbers_are_encoded_as_one_by_one(numbers: list[int], end: bytes) -> None:
    assert encode_numbers(numbers, end) == [encode_key(number)[0] + end for number in numbers]


@given(st.lists(st.integers(0, 9)), st.integers(max_value=-1) | st.integers(min_value=2**64))
def test_negative_and_huge_numbers_are_not_for_the_quick_way(numbers: list[int], other: int) -> None:
    assert encode_numbers([*numbers, other], b"") is None
