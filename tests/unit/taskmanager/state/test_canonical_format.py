"""The file of keyed state: all comes back, ranges are read alone, harm is noticed, old files stay readable."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.errors import MillstreamError
from millstream.common.key_groups import KeyGroupRange
from millstream.common.types import Row
from millstream.common.types.row_kind import RowKind
from millstream.datastream.window.time_window import TimeWindow
from millstream.taskmanager.state.canonical_format import (
    OPERATOR,
    EntryBlock,
    EntryBlocks,
    StateMeta,
    queue_name,
    timers_meta,
)
from millstream.taskmanager.state.canonical_reader import CanonicalReader
from millstream.taskmanager.state.canonical_writer import write_canonical
from tests.unit.taskmanager.state.snapshots import ALL, entries_of, file_of

STORED = Path(__file__).parent / "data" / "keyed_state_v1.bin"


@dataclass
class Reading:
    sensor: str
    degrees: float = 0.0
    marks: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Pair:
    left: Any
    right: Any


@dataclass
class Node:
    name: str
    following: Any = None


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Counter(dict[str, int]):
    """Not a plain dict, and not a record."""

    def __repr__(self) -> str:
        return f"Counter({dict(self)})"


ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.decimals(allow_nan=False),
    st.datetimes(),
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=2), inner, max_size=2),
        st.builds(Reading, st.text(max_size=2), st.floats(allow_nan=False), st.lists(inner, max_size=2)),
        st.builds(Pair, inner, inner),
        st.builds(Point, st.integers(), st.floats(allow_nan=False)),
        st.builds(Row, inner, inner),
        st.builds(lambda a, b: Row(a=a, b=b), inner, inner),
        st.builds(lambda a: Row.of_kind(RowKind.DELETE, a), inner),
        st.builds(lambda number: Counter(a=number), st.integers()),
    ),
    max_leaves=6,
)
HOMOGENEOUS = st.one_of(
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=4),
    st.builds(Reading, st.text(max_size=2)),
    st.builds(Pair, st.integers(), st.builds(Reading, st.text(max_size=2)) | st.none()),
    st.builds(Point, st.integers()),
)
KEYS = st.one_of(st.integers(), st.text(max_size=4), st.tuples(st.integers(), st.text(max_size=2)), st.none())
NAMESPACES = st.one_of(
    st.none(),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.builds(TimeWindow, st.integers(), st.integers()),
)


def _metas() -> list[StateMeta]:
    kinds = {"value": "value", "list": "list", "map": "map", "own": OPERATOR}
    plain = [StateMeta(name, kind) for name, kind in kinds.items()]
    return [*plain, *(StateMeta(f"{name} ttl", kind, expires=True) for name, kind in kinds.items() if name != "own")]


def _of_kind(kind: str, values: Any) -> Any:
    if kind.startswith("list"):
        return st.lists(values, min_size=1, max_size=3)
    return st.dictionaries(KEYS, values, min_size=1, max_size=3) if kind.startswith("map") else values


@st.composite
def _blocks(draw: Any) -> list[tuple[int, EntryBlock]]:
    blocks = []
    for name in draw(st.lists(st.sampled_from([meta.name for meta in _metas()]), max_size=4)):
        one = draw(st.sampled_from([VALUES, HOMOGENEOUS]))
        if name.endswith("ttl"):
            one = st.tuples(one, st.integers(0, 2**42))
        keys = draw(st.lists(KEYS, max_size=4, unique_by=repr))
        values = [draw(_of_kind(name, one)) for _ in keys]
        blocks.append((draw(st.integers(0, 127)), EntryBlock(name, draw(NAMESPACES), keys, values)))
    return blocks


def _expected(blocks: list[tuple[int, EntryBlock]]) -> list[tuple[int, str, Any, Any, Any]]:
    ordered = sorted(blocks, key=lambda pair: pair[0])
    return [
        (group, block.state, block.namespace, key, value)
        for group, block in ordered
        for key, value in zip(block.keys, block.values, strict=True)
    ]


@settings(max_examples=60, deadline=None)
@given(_blocks(), st.booleans())
def test_what_is_written_is_read(blocks: list[tuple[int, EntryBlock]], compressed: bool) -> None:
    found = entries_of(file_of(_metas(), blocks, compressed=compressed))
    # Equality tells a NaN from itself, and not 1 from True and 1.0.
    assert list(map(repr, found)) == list(map(repr, _expected(blocks)))


def test_columns_keep_what_is_special() -> None:
    columns: list[list[Any]] = [
        [float("nan"), float("inf"), -0.0, 5e-324],
        [2**63, -(2**64), 0],
        [10**5000, 1],
        ["", "a\0b", "\ud800", "ä"],
        [True, 1, 1.0, None],
        [None, None],
        [dt.date(2024, 1, 1), Decimal("1.50")],
        [Point(1), None],
    ]
    for column in columns:
        block = EntryBlock("value", None, list(range(len(column))), column)
        values = [entry[4] for entry in entries_of(file_of(_metas(), [(1, block)]))]
        assert list(map(type, values)) == list(map(type, column))
        if column[0] != 10**5000:
            assert list(map(repr, values)) == list(map(repr, column))
        else:
            assert values == column


def test_what_is_one_object_in_a_value_stays_one() -> None:
    shared = Reading("s")
    twice = Pair(shared, shared)
    loop = Node("loop")
    loop.following = loop
    through_list = Node("list")
    through_list.following = [through_list]
    chain: Any = None
    for number in range(50):
        chain = Node(str(number), chain)
    marks: list[int] = [1]
    same_list = Pair(marks, marks)
    for value in (twice, loop, through_list, chain, same_list):
        block = EntryBlock("value", None, ["k", "l"], [value, value])
        got = entries_of(file_of(_metas(), [(0, block)]))[0][4]
        if value is twice:
            assert got.left is got.right
        elif value is loop:
            assert got.following is got
        elif value is through_list:
            assert got.following[0] is got
        elif value is same_list:
            got.left.append(2)
            assert got.right == [1, 2]
        else:
            assert got == chain


def test_lists_and_maps_may_come_in_parts_and_large_blocks_in_segments() -> None:
    keys = list(range(70_000))
    block = EntryBlock("value", ("w", 1), keys, [key * 2 for key in keys])
    data = file_of(_metas(), [(5, block)])
    assert [(entry[2], entry[3], entry[4]) for entry in entries_of(data)] == [(("w", 1), key, key * 2) for key in keys]


def test_large_blocks_of_several_namespaces_are_cut_between_and_inside_them() -> None:
    counts = [1, 40_000, 2, 30_000]
    windows = [TimeWindow(number, number + 5) for number in range(4)]
    keys = list(range(sum(counts)))
    blocks = EntryBlocks("value", list(windows), counts, keys, [-key for key in keys])
    data = b"".join(write_canonical(_metas(), ALL, 128, [(5, [blocks, EntryBlock("value", None, ["k"], [0])])]))
    of_each = [window for window, count in zip(windows, counts, strict=True) for _ in range(count)]
    expected = [(window, key, -key) for window, key in zip(of_each, keys, strict=True)]
    assert [(entry[2], entry[3], entry[4]) for entry in entries_of(data)] == [*expected, (None, "k", 0)]


def test_a_range_of_key_groups_is_read_without_the_rest() -> None:
    blocks = [(group, EntryBlock("value", None, [group], [f"value {group}"])) for group in range(128)]
    data = bytearray(file_of(_metas(), blocks))
    wanted = KeyGroupRange(40, 59)
    expected = [(group, "value", None, group, f"value {group}") for group in wanted]
    assert entries_of(bytes(data), key_groups=wanted) == expected
    for group in (39, 60):
        data[data.index(f"value {group}".encode())] ^= 1
    assert entries_of(bytes(data), key_groups=wanted) == expected
    with pytest.raises(MillstreamError, match="the file cannot be read as keyed state: the checksum"):
        entries_of(bytes(data))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_harm_is_noticed(data: st.DataObject) -> None:
    blocks = [
        (3, EntryBlock("value", None, [1, 2], [Reading("a"), Reading("b")])),
        (9, EntryBlock("own", 1, ["k"], [2])),
    ]
    whole = file_of(_metas(), blocks, compressed=data.draw(st.booleans()))
    broken = bytearray(whole)
    if data.draw(st.booleans()):
        broken[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del broken[data.draw(st.integers(0, len(whole) - 1)) :]
    with pytest.raises(MillstreamError, match=r"^the file cannot be read as keyed state: "):
        entries_of(bytes(broken))


def test_a_version_of_the_future_is_refused() -> None:
    data = bytearray(file_of([], []))
    data[8] = 2
    with pytest.raises(MillstreamError, match="its format is version 2, this Millstream reads version 1"):
        CanonicalReader(BytesIO(data), "x")


def test_the_writer_keeps_to_its_order_and_its_states() -> None:
    block = EntryBlock("value", None, [1], [1])
    for groups in ([(2, [block]), (2, [block])], [(3, [block]), (1, [block])], [(200, [block])]):
        with pytest.raises(ValueError, match="key group"):
            list(write_canonical(_metas(), ALL, 128, groups))
    with pytest.raises(ValueError, match="'other', which is not one of the file"):
        list(write_canonical(_metas(), ALL, 128, [(0, [EntryBlock("other", None, [1], [1])])]))
    with pytest.raises(ValueError, match="1 keys and 2 values"):
        list(write_canonical(_metas(), ALL, 128, [(0, [EntryBlock("value", None, [1], [1, 2])])]))


def test_what_cannot_be_pickled_is_named() -> None:
    def generator() -> Any:
        yield

    for namespace, key, value, named in (
        (None, "k", generator(), "the value of state 'value' for the key 'k'"),
        ("w", "k", Reading("r", 0.0, [generator()]), "the value of state 'value' for the key 'k'"),
    ):
        block = EntryBlock("value", namespace, ["other", key], [1, value])
        with pytest.raises(MillstreamError, match=f"{named} cannot be pickled .*in open"):
            file_of(_metas(), [(0, block)])


def _of_version_1() -> tuple[list[StateMeta], list[tuple[int, EntryBlock]]]:
    """What is in the stored file. It is never changed; new versions get files of their own."""
    metas = [*_metas(), timers_meta("event-time", namespaced=True)]
    reading, window = Reading("north", 1.5, [1, {"a": None}]), (0, 1000)
    blocks = [
        (0, EntryBlock("value", None, [1, 2, 300], [10, 2**70, -1])),
        (0, EntryBlock("value", window, ["a", "b"], [1.5, -0.0])),
        (1, EntryBlock("value", None, ["r", "s"], [reading, Reading("south")])),
        (1, EntryBlock("value", None, [None], [None])),
        (2, EntryBlock("list", None, ["l"], [[Point(1, 2.0), Point(3)]])),
        (2, EntryBlock("list ttl", None, ["l"], [[("x", 5), ("y", 6)]])),
        (3, EntryBlock("map", window, [(1, "k")], [{"a": Row(id=1, name="n"), "b": Row(id=2, name=None)}])),
        (3, EntryBlock("map ttl", None, ["m"], [{"a": (Row(1, "x"), 7)}])),
        (4, EntryBlock("value ttl", None, ["v"], [(Pair(1, reading), 1_700_000_000_000)])),
        (4, EntryBlock("own", None, [0], [[1, {2}, b"3", "text\0"]])),
        (5, EntryBlock(metas[-1].name, None, [("k", window), ("l", window)], [999, 1999])),
        (6, EntryBlock("value", TimeWindow(0, 1000), ["a", "b"], [(1, 2), (3, 4)])),
        (6, EntryBlock("value", TimeWindow(1000, 2000), ["a"], [(5, 6)])),
        (7, EntryBlock(metas[-1].name, None, [("k", TimeWindow(0, 1000)), (9, TimeWindow(-5, 2000))], [999, 1999])),
    ]
    return metas, blocks


def test_a_file_of_version_1_is_read_for_ever() -> None:
    metas, blocks = _of_version_1()
    data = STORED.read_bytes()
    reader = CanonicalReader(BytesIO(data), STORED.name)
    assert list(reader.states.values()) == metas
    assert (reader.key_groups, reader.max_parallelism) == (ALL, 128)
    assert queue_name(metas[-1]) == "event-time"
    assert list(map(repr, entries_of(data))) == list(map(repr, _expected(blocks)))
