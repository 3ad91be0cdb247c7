"""What functions say about their results."""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterable, Iterator
from typing import Any, List, Optional, Tuple  # noqa: UP035  # as programs write them

import pytest

from millstream.common import TypeInformation, Types
from millstream.datastream import FlatMapFunction, KeySelector, MapFunction, ProcessFunction, ReduceFunction
from millstream.datastream.type_extraction import extract_output_type

WORD = Types.TUPLE([Types.STRING(), Types.LONG()])


def word(line: str) -> tuple[str, int]:
    return line, 1


def yields(line: str) -> Iterator[tuple[str, int]]:
    yield line, 1


def generates(line: str) -> Generator[Tuple[str, int], None, None]:  # noqa: UP006  # as programs write it
    yield line, 1


def several(line: str) -> Optional[List[str]]:  # noqa: UP006, UP045  # as programs write it
    return [line]


def silent(line):  # type: ignore[no-untyped-def]  # as programs write it
    return line


def unreadable(line: str) -> NoSuchName:  # type: ignore[name-defined]  # noqa: F821  # for type checkers only
    return line


class Length(MapFunction):
    def map(self, value: str) -> int:
        return len(value)


class Split(FlatMapFunction):
    def flat_map(self, value: str) -> Iterable[str]:
        return value.split()


class Process(ProcessFunction):
    def process_element(self, value: str, ctx: Any) -> Iterator[float]:
        yield 1.0


class Key(KeySelector):
    def get_key(self, value: Any) -> str:
        return str(value)


class Longer(ReduceFunction):
    def reduce(self, value1: str, value2: str) -> str:
        return max(value1, value2)


class Truth:
    def __call__(self, value: Any) -> bool:
        return bool(value)


class Queryable(MapFunction):
    def map(self, value: Any) -> str:
        return str(value)

    def get_produced_type(self) -> TypeInformation:
        return Types.INT()


class Says:
    def get_produced_type(self) -> str:
        return "no type"

    def __call__(self, value: Any) -> str:
        return ""


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (word, WORD),
        (yields, WORD),
        (generates, WORD),
        (functools.partial(word, "a"), WORD),
        (Length(), Types.LONG()),
        (Length().map, Types.LONG()),
        (Split(), Types.STRING()),
        (Process(), Types.DOUBLE()),
        (Key(), Types.STRING()),
        (Longer(), Types.STRING()),
        (Truth(), Types.BOOLEAN()),
        (Queryable(), Types.INT()),
        (str, Types.STRING()),
        (int, Types.LONG()),
        (Says(), None),
        (silent, None),
        (unreadable, None),
        (lambda value: value, None),
        (len, None),
        (MapFunction, None),
    ],
)
def test_types_of_functions(function: Any, expected: TypeInformation | None) -> None:
    assert extract_output_type(function) == expected


def test_functions_of_flat_maps() -> None:
    assert extract_output_type(several, several=True) == Types.STRING()
    assert extract_output_type(several) == Types.LIST(Types.STRING())
    assert extract_output_type(word, several=True) is None
