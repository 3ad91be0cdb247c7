"""Keys to hashes to key groups to subtasks: stable, total, equal for equal keys."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import os
import subprocess
import sys
import uuid
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.key_groups import KeyGroupRange, key_group, key_groups, operator_index
from millstream.common.stable_hash import UnsupportedKeyTypeError, stable_hash, stable_hashes
from millstream.common.types.row import Row


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Tag(str, enum.Enum):
    HOT = "hot"


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass(frozen=True)
class Place:
    city: str
    zip_code: int
    note: str = dataclasses.field(default="", compare=False)


class Explained:
    def __init__(self, key: str) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Explained) and self.key.lower() == other.key.lower()

    def __hash__(self) -> int:
        return hash(self.key.lower())

    def __stable_key__(self) -> str:
        return self.key.lower()


class CaseBlind(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __hash__(self) -> int:
        return hash(self.lower())


class Plain:
    pass


_UTC = dt.timezone.utc

# The format itself: a change here would tear the state of every savepoint from its keys.
_KNOWN = {
    None: 3844425081,
    "": 29717582,
    "word": 1489595129,
    0: 4223816713,
}

_ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.decimals(allow_nan=False, min_value=-(10**9), max_value=10**9)
    | st.fractions()
)
_KEYS = st.recursive(_ATOMS, lambda keys: st.tuples(keys, keys) | st.frozensets(keys, max_size=3), max_leaves=6)


@pytest.mark.parametrize(
    "equal",
    [
        [1, 1.0, True, Decimal(1), Decimal("1.00"), Fraction(1), complex(1, 0), Level.LOW],
        [0, 0.0, -0.0, False, Decimal("-0"), Fraction(0)],
        [0.5, Decimal("0.5"), Fraction(1, 2), complex(0.5, 0)],
        [-0.5, Decimal("-0.5"), Fraction(-1, 2)],
        [2**70, 2.0**70, Decimal(2**70)],
        [-(2**70), -(2.0**70), Fraction(-(2**70))],
        [float("inf"), Decimal("Infinity")],
        [float("-inf"), Decimal("-Infinity")],
        [float("nan"), -float("nan"), Decimal("nan")],
        ["hot", Tag.HOT],
        [(1, 2), Point(1, 2), (1.0, True + 1)],
        [frozenset({1, "a"}), frozenset({"a", 1.0})],
        [Place("Bonn", 1, "x"), Place("Bonn", 1, "y")],
        [Explained("A"), Explained("a")],
        [Row(1, "a"), Row(1.0, "a")],
        [dt.timedelta(days=1), dt.timedelta(hours=24)],
        [
            dt.datetime(2020, 1, 1, 12, tzinfo=_UTC),
            dt.datetime(2020, 1, 1, 14, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        ],
    ],
)
def test_equal_keys_have_equal_hashes(equal: list[Any]) -> None:
    assert len({stable_hash(key) for key in equal}) == 1


@given(_KEYS, _KEYS)
def test_hash_follows_equality(one: Any, other: Any) -> None:
    if one == other:
        assert stable_hash(one) == stable_hash(other)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_hashes_as_the_exact_numbers_that_equal_it(number: float) -> None:
    assert stable_hash(number) == stable_hash(Fraction(number)) == stable_hash(Decimal(number))


@given(_KEYS)
def test_hash_has_32_bits(key: Any) -> None:
    assert 0 <= stable_hash(key) < 2**32


def test_different_types_that_are_not_equal_do_not_share_hashes() -> None:
    keys = ["1", b"1", 1, None, (), (1,), ((1,),), frozenset({1}), "None", Color.RED, dt.date(1, 1, 1), ("1",), (1, 1)]
    assert len({stable_hash(key) for key in keys}) == len(keys)


def test_huge_exponents_are_not_written_out() -> None:
    assert stable_hash(Decimal("1E+999999")) != stable_hash(Decimal("1E+999998"))


def test_the_hash_is_the_same_in_another_process() -> None:
    keys = "['word', 7, -2.5, b'x', ('a', (1, None)), frozenset(['p', 'q', 'r']), 2**100]"
    code = f"from millstream.common.stable_hash import stable_hash; print([stable_hash(key) for key in {keys}])"
    environment = {**os.environ, "PYTHONHASHSEED": "123"}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == str([stable_hash(key) for key in eval(keys)])


def test_the_hash_never_changes() -> None:
    assert {key: stable_hash(key) for key in _KNOWN} == _KNOWN
    assert stable_hash(("user", 42)) == 4278689302
    assert stable_hash(uuid.UUID(int=1)) == 4077932480


@pytest.mark.parametrize(
    "keys", [range(12_800), [f"user-{i}" for i in range(12_800)], [(i, "x") for i in range(12_800)]]
)
def test_keys_spread_evenly(keys: Any) -> None:
    groups = Counter(key_group(key, 128) for key in keys)
    assert len(groups) == 128
    assert max(groups.values()) < 160
    assert min(groups.values()) > 50


@pytest.mark.parametrize(
    ("key", "type_name", "mend"),
    [
        ([1], "list", "tuple"),
        ({1}, "set", "frozenset"),
        ({"a": 1}, "dict", "sorted"),
        (bytearray(b"x"), "bytearray", "bytes"),
        (Plain(), "Plain", "__stable_key__"),
        ((1, [2]), "list", "tuple"),
        (CaseBlind("x"), "CaseBlind", "__stable_key__"),
    ],
)
def test_other_types_are_refused_with_the_mend(key: Any, type_name: str, mend: str) -> None:
    with pytest.raises(UnsupportedKeyTypeError, match=rf"(?s)Type .*{type_name} .*{mend}"):
        stable_hash(key)


_PARALLELISMS = st.integers(1, 256).flatmap(lambda most: st.tuples(st.just(most), st.integers(1, most)))


@given(_PARALLELISMS)
def test_subtasks_share_out_all_key_groups(sizes: tuple[int, int]) -> None:
    max_parallelism, parallelism = sizes
    ranges = [KeyGroupRange.of_subtask(max_parallelism, parallelism, index) for index in range(parallelism)]
    assert [group for one in ranges for group in one] == list(range(max_parallelism))
    for index, one in enumerate(ranges):
        assert all(operator_index(group, max_parallelism, parallelism) == index for group in one)
        assert len(one) == len(list(one))


def test_ranges_refuse_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match="max parallelism 4"):
        KeyGroupRange.of_subtask(4, 5, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        KeyGroupRange.of_subtask(4, 2, 2)


def test_ranges_intersect() -> None:
    assert KeyGroupRange(0, 9).intersection(KeyGroupRange(5, 20)) == KeyGroupRange(5, 9)
    assert len(KeyGroupRange(0, 3).intersection(KeyGroupRange(5, 20))) == 0
    assert 5 in KeyGroupRange(5, 9)
    assert 4 not in KeyGroupRange(5, 9)


_MANY = [
    st.integers(),
    st.integers(0, 1000),
    st.integers(2**61 - 3, 2**61 + 3),
    st.text(max_size=5),
    st.floats(),
    st.booleans(),
    st.tuples(st.integers(), st.text(max_size=3)),
    st.none() | st.integers() | st.text(max_size=3) | st.binary(max_size=3),
]


@given(st.sampled_from(_MANY).flatmap(lambda keys: st.lists(keys, max_size=100)), st.integers(1, 32768))
def test_many_keys_have_the_hashes_that_each_of_them_has(keys: list[Any], max_parallelism: int) -> None:
    assert stable_hashes(keys) == [stable_hash(key) for key in keys]
    assert key_groups(keys, max_parallelism) == [key_group(key, max_parallelism) for key in keys]


def test_more_keys_than_are_finished_at_once() -> None:
    for keys in (range(20_000), [f"key {number}" for number in range(20_000)]):
        assert stable_hashes(keys) == [stable_hash(key) for key in keys]
