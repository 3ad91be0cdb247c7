"""What is shared or recursive stays so; what cannot be sent is named."""

from __future__ import annotations

import dataclasses
import decimal
import threading
from typing import Any

import pytest

from millstream.taskmanager.network.value_serializer import (
    RecordDeserializationError,
    RecordSerializationError,
    ValueSerializer,
    deserialize_values,
)


@dataclasses.dataclass(frozen=True)
class Frozen:
    name: str


class Mutable:
    def __init__(self) -> None:
        self.items: list[int] = []


class BadHash:
    def __hash__(self) -> int:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BadHash)


class Hostile:
    def __repr__(self) -> str:
        raise ValueError("no repr")

    def __reduce__(self) -> str:
        raise ValueError("never")


def _again(values: list[Any], serializer: ValueSerializer | None = None) -> list[Any]:
    return deserialize_values((serializer or ValueSerializer()).serialize(values))


@pytest.mark.parametrize("wrap", [lambda shared: (1, shared, shared), lambda shared: {"a": shared, "b": shared}])
@pytest.mark.parametrize("shared", [[], {}, set(), bytearray(b"x"), Mutable()])
def test_objects_that_can_change_stay_shared_within_a_record(wrap: Any, shared: Any) -> None:
    (record,) = _again([wrap(shared)])
    parts = list(record.values()) if isinstance(record, dict) else list(record[1:])
    assert parts[0] is parts[1]
    assert type(parts[0]) is type(shared)


def test_recursive_records_come_back() -> None:
    inner: list[Any] = []
    record = (1, inner)
    inner.append(record)
    (again,) = _again([record])
    assert again[1][0] is again


@pytest.mark.parametrize(
    "values",
    [
        [("word", 1), ("word", 2)],
        [1, True, 1.0, None, "a", b"b"],
        [(1, ("a", (b"b", frozenset({1, "x"}))))],
        [("a", [1]), ("b", [2])],
        [("a", Frozen("x"))],
        [("a", decimal.Decimal("1.5"))],
        [(BadHash(), 1)],
        [("x" * 10_000, 1)],
        [str, len, Frozen],
    ],
)
def test_types_and_values_are_kept(values: list[Any]) -> None:
    serializer = ValueSerializer()
    for _ in range(3):  # the serializer learns from the blocks before
        again = _again(values, serializer)
        assert again == values
        assert [type(value) for value in again] == [type(value) for value in values]


def test_classes_that_cannot_be_imported_travel_with_their_records() -> None:
    class Inner:
        def __init__(self, number: int) -> None:
            self.number = number

    assert [one.number for one in _again([Inner(1), Inner(2)])] == [1, 2]
    assert _again([(1, lambda number: number + 1)])[0][1](2) == 3


@pytest.mark.parametrize("culprit", [threading.Lock(), Hostile()])
def test_a_record_that_cannot_be_sent_is_named(culprit: Any) -> None:
    with pytest.raises(RecordSerializationError, match=type(culprit).__qualname__) as caught:
        ValueSerializer().serialize([1, culprit, 2])
    assert "Mend" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_bytes_that_are_no_records_are_named() -> None:
    with pytest.raises(RecordDeserializationError, match="cannot be read"):
        deserialize_values(b"not a pickle")
