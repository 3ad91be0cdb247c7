"""Records of declared types arrive exactly as they were, or are refused with their operator and type."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import decimal
import enum
import math
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common import Instant, Row, RowKind, Types
from millstream.common.graph.edge_type import EdgeType
from millstream.common.typeinfo import ExternalTypeInfo, TypeInformation
from millstream.common.types import Left, Right
from millstream.taskmanager.network.typed_serializer import (
    TypedDeserializer,
    TypedSerializer,
    create_deserializer,
    create_serializer,
)
from millstream.taskmanager.network.value_serializer import (
    RecordDeserializationError,
    RecordSerializationError,
    ValueSerializer,
    deserialize_values,
)


class Pair(NamedTuple):
    a: Any
    b: Any


class SpecialPair(Pair):
    __slots__ = ()


@dataclasses.dataclass
class Point:
    x: Any
    y: Any


@dataclasses.dataclass(frozen=True)
class Single:
    x: Any


class SpecialPoint(Point):
    pass


@dataclasses.dataclass
class Slotted:
    __slots__ = ("x",)
    x: Any


class Colour(enum.Enum):
    RED = "red"


class Text(str):
    __slots__ = ()


class Level(enum.IntEnum):
    LOW = 1


def _integers(bits: int) -> st.SearchStrategy[Any]:
    return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


naive_datetimes = st.datetimes()  # of any fold
BASIC: list[tuple[TypeInformation, st.SearchStrategy[Any]]] = [
    (Types.STRING(), st.text(st.characters(codec=None)) | st.sampled_from(["", "\0", "a\0b", "\ud800"])),
    (Types.CHAR(), st.characters()),
    (Types.BOOLEAN(), st.booleans()),
    (Types.BYTE(), _integers(8)),
    (Types.SHORT(), _integers(16)),
    (Types.INT(), _integers(32) | _integers(8)),
    (Types.LONG(), _integers(64) | _integers(8)),
    (Types.FLOAT(), st.floats()),
    (Types.DOUBLE(), st.floats()),
    (Types.BIG_INT(), st.integers() | st.integers(-(2**100), 2**100)),
    (Types.BIG_DEC(), st.decimals()),
    (Types.INSTANT(), st.builds(Instant, _integers(64), st.integers(0, 999_999_999))),
    (Types.SQL_DATE(), st.dates()),
    (Types.SQL_TIME(), st.times()),
    (Types.SQL_TIMESTAMP(), naive_datetimes),
    (Types.PICKLED_BYTE_ARRAY(), st.integers() | st.lists(st.text())),
    (Types.PRIMITIVE_ARRAY(Types.BYTE()), st.binary()),
    (Types.ENUM(Colour), st.just(Colour.RED)),
]


def _or_none(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return strategy | st.none()


def _composites(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.lists(inner, max_size=4)
    pairs = st.tuples(inner, inner)
    return st.one_of(
        fields.map(
            lambda each: (
                Types.TUPLE([kind for kind, _ in each]),
                st.tuples(*[_or_none(values) for _, values in each]),
            )
        ),
        fields.map(
            lambda each: (
                Types.ROW_NAMED([f"n{index}" for index in range(len(each))], [kind for kind, _ in each]),
                st.builds(_row, st.sampled_from(RowKind), st.tuples(*[_or_none(values) for _, values in each])),
            )
        ),
        inner.map(lambda each: (Types.LIST(each[0]), st.lists(_or_none(each[1]), max_size=3))),
        pairs.map(
            lambda two: (
                Types.CASE_CLASS(Pair, [two[0][0], two[1][0]]),
                st.builds(Pair, _or_none(two[0][1]), _or_none(two[1][1])),
            )
        ),
        pairs.map(
            lambda two: (
                Types.POJO(Point, {"x": two[0][0], "y": two[1][0]}),
                st.builds(Point, _or_none(two[0][1]), _or_none(two[1][1])),
            )
        ),
        inner.map(lambda each: (Types.POJO(Single, {"x": each[0]}), st.builds(Single, each[1]))),
        pairs.map(
            lambda two: (
                Types.EITHER(two[0][0], two[1][0]),
                st.builds(Left, two[0][1]) | st.builds(Right, two[1][1]),
            )
        ),
        inner.map(lambda each: (ExternalTypeInfo(each[0]), each[1])),
    )


def _row(kind: RowKind, values: tuple[Any, ...]) -> Row:
    row = Row(*values)
    row.set_field_names([f"n{index}" for index in range(len(values))])
    row.set_row_kind(kind)
    return row


typed = st.recursive(st.sampled_from(BASIC), _composites, max_leaves=6)


@st.composite
def streams(draw: st.DrawFn) -> tuple[TypeInformation, list[list[Any]]]:
    type_info, values = draw(typed)
    return type_info, draw(st.lists(st.lists(_or_none(values), min_size=1, max_size=8), min_size=1, max_size=3))


def _shape(value: Any) -> Any:
    if isinstance(value, float):
        return float, struct.pack("d", value)
    if isinstance(value, decimal.Decimal):
        return decimal.Decimal, value.as_tuple()
    if isinstance(value, Row):
        return Row, value.get_field_names(), value.get_row_kind(), [_shape(each) for each in value]
    if isinstance(value, (tuple, list)):
        return type(value), [_shape(each) for each in value]
    if isinstance(value, (Left, Right)):
        return type(value), _shape(value.value)
    if dataclasses.is_dataclass(value):
        return type(value), {name: _shape(each) for name, each in vars(value).items()}
    if isinstance(value, (dt.time, dt.datetime)):
        return type(value), value, value.fold
    return type(value), value


@given(streams(), st.booleans())
def test_values_of_the_type_arrive_as_they_were(stream: tuple[TypeInformation, list[list[Any]]], wild: bool) -> None:
    """Converted or not; blocks of one stream share what the serializer learned."""
    type_info, blocks = stream
    convert = type_info.conversion()
    edge_type = EdgeType(type_info, "op", not wild)
    serializer, deserialize = create_serializer(edge_type), create_deserializer(edge_type)
    for block in blocks:
        values = [convert(value) for value in block]
        again = deserialize(memoryview(serializer.serialize(list(values))))
        assert [_shape(value) for value in again] == [_shape(value) for value in values]


@given(streams(), streams())
def test_values_of_any_other_type_arrive_as_they_were_or_are_refused(
    stream: tuple[TypeInformation, list[list[Any]]], other: tuple[TypeInformation, list[list[Any]]]
) -> None:
    edge_type = EdgeType(stream[0], "op", False)
    serializer, deserialize = create_serializer(edge_type), create_deserializer(edge_type)
    for block in other[1]:
        before = [_shape(value) for value in copy.deepcopy(block)]
        try:
            sent = serializer.serialize(block)
        except RecordSerializationError:
            continue
        assert [_shape(value) for value in deserialize(memoryview(sent))] == before


SENT: list[tuple[TypeInformation, Any]] = [
    (Types.FLOAT(), 0.1),
    (Types.SQL_TIME(), dt.time(1, 2, 3, 456789)),
    (Types.POJO(Point), SpecialPoint(1, 2)),
    (Types.POJO(Point, {"x": Types.INT(), "y": Types.INT()}), Point("a", 1)),
    (Types.POJO(Slotted), Slotted(1)),
    (Types.MAP(Types.STRING(), Types.INT()), {"a": 1, "b": None}),
    (Types.LIST(Types.ROW([Types.INT()])), [Row(f0=1)]),
    (Types.TUPLE([]), ()),
]


@pytest.mark.parametrize("converted", [False, True])
@pytest.mark.parametrize(("type_info", "value"), SENT)
def test_what_columns_cannot_hold_is_sent_all_the_same(type_info: TypeInformation, value: Any, converted: bool) -> None:
    edge_type = EdgeType(type_info, "op", converted)
    serializer, deserialize = TypedSerializer(edge_type), TypedDeserializer(edge_type).deserialize
    for _ in range(3):
        (again,) = deserialize(memoryview(serializer.serialize([value])))
        assert again == value
        assert type(again) is type(value)


def test_a_dataclass_instance_keeps_what_was_added_to_it() -> None:
    point: Any = Point(1, 2)
    point.note = "more"
    edge_type = EdgeType(Types.POJO(Point), "op", True)
    (again,) = TypedDeserializer(edge_type).deserialize(memoryview(TypedSerializer(edge_type).serialize([point])))
    assert vars(again) == {"x": 1, "y": 2, "note": "more"}


REFUSED: list[tuple[TypeInformation, Any, str]] = [
    (Types.INT(), "abc", "'abc' of type str is no Integer"),
    (Types.INT(), True, "would become 1"),
    (Types.INT(), Level.LOW, "would become 1"),
    (Types.INT(), 2**31, "more than 32 bits"),
    (Types.LONG(), 2**63, "more than 64 bits"),
    (Types.DOUBLE(), 1, r"would become 1\.0"),
    (Types.STRING(), 5, "5 of type int is no String"),
    (Types.STRING(), Text("a"), "would become 'a'"),
    (Types.BIG_DEC(), 1.5, "would become Decimal"),
    (Types.SQL_DATE(), dt.datetime(2020, 1, 1), "would become"),  # noqa: DTZ001  # SQL has no zones
    (Types.SQL_TIME(), dt.time(1, tzinfo=dt.timezone.utc), "would become"),
    (Types.TUPLE([Types.INT(), Types.STRING()]), [1, "a"], r"would become \(1, 'a'\)"),
    (Types.TUPLE([Types.INT(), Types.STRING()]), Pair(1, "a"), "would become"),
    (Types.TUPLE([Types.INT(), Types.STRING()]), (1,), "it has 1 fields, the type 2"),
    (Types.TUPLE([Types.INT(), Types.STRING()]), (1, "a", 2), "it has 3 fields, the type 2"),
    (Types.TUPLE([Types.INT(), Types.STRING()]), (1, 2), "2 of type int is no String"),
    (Types.TUPLE([Types.INT(), Types.STRING()]), "ab", "'ab' of type str is no TupleTypeInfo"),
    (Types.ROW([Types.INT()]), (1,), r"would become Row\(f0=1\)"),
    (Types.ROW([Types.INT()]), Row(1), r"would become Row\(f0=1\)"),
    (Types.ROW([Types.INT()]), Row(x=1), "it has the fields x"),
    (Types.ROW([Types.INT()]), Row(f0="a"), "'a' of type str is no Integer"),
    (Types.POJO(Point, {"x": Types.INT(), "y": Types.INT()}), (1, 2), "is no Point"),
    (Types.CASE_CLASS(Pair), SpecialPair(1, 2), "would become Pair"),
    (Types.CASE_CLASS(Pair), (1, 2), r"would become Pair\(a=1, b=2\)"),
]


@pytest.mark.parametrize(("type_info", "value", "why"), REFUSED)
def test_a_value_that_is_not_of_the_type_is_named(type_info: TypeInformation, value: Any, why: str) -> None:
    good = {Types.INT(): 1, Types.STRING(): "a"}.get(type_info)
    serializer = TypedSerializer(EdgeType(type_info, "parse", False))
    with pytest.raises(RecordSerializationError, match=why) as caught:
        serializer.serialize([good, value, good])
    message = str(caught.value)
    assert message.startswith("Operator 'parse' emitted ")
    assert repr(type_info) in message
    assert "Mend: " in message


def test_an_object_that_cannot_be_pickled_is_named() -> None:
    serializer = TypedSerializer(EdgeType(Types.TUPLE([Types.INT(), Types.PICKLED_BYTE_ARRAY()]), "op", True))
    with pytest.raises(RecordSerializationError, match="generator"):
        serializer.serialize([(1, (each for each in [1]))])


def test_integers_take_the_bytes_that_they_need_and_fewer_again_later() -> None:
    serializer = TypedSerializer(EdgeType(Types.LONG(), "op", True))
    sizes = [len(serializer.serialize([value] * 100)) for value in (1, 2**20, 2**40, *[1] * 64)]
    assert sizes[1] - sizes[0] == 200
    assert sizes[2] - sizes[1] == 400
    assert sizes[-1] == sizes[0]


@pytest.mark.parametrize(
    ("type_info", "make"),
    [
        (Types.INT(), lambda n: n),
        (Types.DOUBLE(), lambda n: n / 7),
        (Types.STRING(), lambda n: f"word {n}"),
        (Types.BIG_DEC(), lambda n: decimal.Decimal(n) / 100),
        (Types.SQL_DATE(), lambda n: dt.date.fromordinal(700_000 + n)),
        (Types.SQL_TIMESTAMP(), lambda n: dt.datetime.fromtimestamp(n * math.pi, dt.timezone.utc).replace(tzinfo=None)),
        (Types.INSTANT(), lambda n: Instant(n, n)),
        (Types.TUPLE([Types.STRING(), Types.INT()]), lambda n: (f"word {n}", n)),
        (Types.ROW([Types.STRING(), Types.INT()]), lambda n: Row(f0=f"word {n}", f1=n)),
        (Types.POJO(Point, {"x": Types.STRING(), "y": Types.INT()}), lambda n: Point(f"word {n}", n)),
        (Types.CASE_CLASS(Pair, [Types.STRING(), Types.INT()]), lambda n: Pair(f"word {n}", n)),
    ],
)
def test_typed_blocks_are_smaller_than_pickles(type_info: TypeInformation, make: Callable[[int], Any]) -> None:
    values = [make(n) for n in range(100_000, 101_000)]
    typed_size = len(create_serializer(EdgeType(type_info, "op", True)).serialize(list(values)))
    assert typed_size < len(ValueSerializer().serialize(list(values)))


def test_untyped_edges_are_pickled() -> None:
    for edge_type in (None, EdgeType(Types.PICKLED_BYTE_ARRAY(), "op", True), EdgeType(Types.BOOLEAN(), "op", True)):
        assert type(create_serializer(edge_type)) is ValueSerializer
        assert create_deserializer(edge_type) is deserialize_values


@given(st.binary(min_size=1, max_size=40), st.integers(0, 40))
def test_bytes_that_are_no_block_are_refused_or_read(noise: bytes, cut: int) -> None:
    """Never any other error."""
    edge_type = EdgeType(Types.TUPLE([Types.STRING(), Types.INT()]), "op", True)
    deserialize = TypedDeserializer(edge_type).deserialize
    whole = TypedSerializer(edge_type).serialize([("a", 1), ("b", 2)])
    for block in (b"\x01" + noise, whole[: min(cut, len(whole) - 1)] or b"\x01", whole + noise):
        with pytest.raises(RecordDeserializationError):
            deserialize(memoryview(block))
