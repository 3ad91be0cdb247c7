"""Streams and functions for the tests of windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from millstream.common.records import RecordBatch, Watermark
from millstream.datastream.functions import AggregateFunction
from millstream.taskmanager.operators.operator import Operator, Output, SideOutput


class Elements(AggregateFunction):
    """Its result is a pair of the key and all values, as a tuple. Elements are ``(key, value)``."""

    def create_accumulator(self) -> tuple[Any, tuple[Any, ...]]:
        return None, ()

    def add(self, value: tuple[Any, Any], accumulator: tuple[Any, tuple[Any, ...]]) -> tuple[Any, tuple[Any, ...]]:
        return value[0], (*accumulator[1], value[1])

    def get_result(self, accumulator: tuple[Any, tuple[Any, ...]]) -> tuple[Any, tuple[Any, ...]]:
        return accumulator

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return acc_a[0], (*acc_a[1], *acc_b[1])


class Average(AggregateFunction):
    """The average of the second fields, by methods that are mere expressions."""

    def create_accumulator(self) -> tuple[int, int]:
        return (0, 0)

    def add(self, value: tuple[Any, int], accumulator: tuple[int, int]) -> tuple[int, int]:
        return (accumulator[0] + value[1], accumulator[1] + 1)

    def get_result(self, accumulator: tuple[int, int]) -> float:
        return accumulator[0] / accumulator[1]

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return (acc_a[0] + acc_b[0], acc_a[1] + acc_b[1])


@dataclass(frozen=True)
class Piece:
    """A part of a stream: records ``(key, value)`` with their timestamps, and the watermark that comes after them.

    :ivar watermark: ``None``: none comes here.
    """

    records: list[tuple[str, int]]
    timestamps: list[int | None]
    watermark: int | None


@st.composite
def pieces(draw: st.DrawFn) -> list[Piece]:
    """A random stream of event time. Timestamps are anywhere around the watermarks, which rise."""
    number = 0
    watermark = draw(st.integers(-60, 0))
    made = []
    for _ in range(draw(st.integers(1, 6))):
        count = draw(st.integers(0, 6))
        timestamps: list[int | None] = [watermark + draw(st.integers(-25, 25)) for _ in range(count)]
        records = []
        for _ in range(count):
            number += 1
            records.append((draw(st.sampled_from("abc")), number))
        if draw(st.booleans()):
            watermark += draw(st.integers(0, 30))
            made.append(Piece(records, timestamps, watermark))
        else:
            made.append(Piece(records, timestamps, None))
    return made


def outputs_of(outputs: Iterable[Output], results: list[tuple[Any, int | None]], late: list[tuple[Any, Any]]) -> None:
    """Append what an operator gave to ``results`` and, what goes to a side output, to ``late``."""
    for output in outputs:
        if isinstance(output, RecordBatch):
            assert output.timestamps is not None
            results.extend(zip(output.values, output.timestamps, strict=True))
        elif isinstance(output, SideOutput):
            assert output.batch.timestamps is not None
            late.extend(zip(output.batch.values, output.batch.timestamps, strict=True))
        else:
            assert isinstance(output, Watermark)


def feed(operator: Operator, piece: Piece, batch_size: int, with_keys: bool, late: list[Any]) -> list[Any]:
    """The results of a piece of a stream, with their timestamps: those of its records, then those of its watermark."""
    results: list[Any] = []
    for start in range(0, len(piece.records), batch_size):
        values = piece.records[start : start + batch_size]
        keys = [value[0] for value in values] if with_keys else None
        batch = RecordBatch(values, piece.timestamps[start : start + batch_size], keys)
        outputs_of(operator.process_batch(batch), results, late)
    if piece.watermark is not None:
        fired: list[Any] = []
        outputs_of(operator.process_watermark(Watermark(piece.watermark)), fired, late)
        results.extend(sorted(fired, key=lambda each: (each[1], repr(each))))
    return results
