"""Accumulators as messages.

Those of the kinds that come with Millstream are numbers on the way, so that the master can merge them. All others are
pickled by their tasks, and nobody but the job's own client opens them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from millstream.common.accumulators.accumulator import Accumulator
from millstream.common.accumulators.average_accumulator import AverageAccumulator
from millstream.common.accumulators.counters import DoubleCounter, IntCounter, LongCounter, WholeCounter
from millstream.common.accumulators.extremes import (
    DoubleExtreme,
    DoubleMaximum,
    DoubleMinimum,
    IntMaximum,
    IntMinimum,
    LongMaximum,
    LongMinimum,
    WholeExtreme,
)
from millstream.common.accumulators.histogram import Histogram
from millstream.common.wire.cluster_pb2 import AccumulatorValue, AverageParts, HistogramCounts

__all__ = ["decode", "encode", "is_open", "shown"]

_WHOLE: Final[dict[str, Callable[[int], WholeCounter | WholeExtreme]]] = {
    kind.__name__: kind for kind in (IntCounter, LongCounter, IntMinimum, IntMaximum, LongMinimum, LongMaximum)
}
_REAL: Final[dict[str, Callable[[float], DoubleCounter | DoubleExtreme]]] = {
    kind.__name__: kind for kind in (DoubleCounter, DoubleMinimum, DoubleMaximum)
}
_LONGEST_TEXT: Final = 500


def shown(value: object) -> str:
    """Return a value as text for people, cut off where it is very long."""
    text = str(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}... ({len(text)} characters)"


def is_open(value: AccumulatorValue) -> bool:
    """Whether it can be merged by everybody."""
    return value.WhichOneof("kind") is not None


def encode(name: str, accumulator: Accumulator[Any, Any]) -> AccumulatorValue | None:
    """Return the message; ``None``: it is of no kind that everybody can merge.

    :raises ValueError: its numbers are too large to be sent.
    """
    kind = type(accumulator)
    value = AccumulatorValue(name=name, type=kind.__name__)
    # A class of the user's that is derived from one of these may merge in another way.
    if _WHOLE.get(kind.__name__) is kind:
        empty = isinstance(accumulator, WholeExtreme) and accumulator.found is None
        value.whole = "" if empty else str(accumulator.get_local_value())
    elif _REAL.get(kind.__name__) is kind:
        value.real = accumulator.get_local_value()
    elif kind is AverageAccumulator and isinstance(accumulator, AverageAccumulator):
        value.average.CopyFrom(AverageParts(count=accumulator.count, sum=accumulator.total))
    elif kind is Histogram:
        value.histogram.CopyFrom(HistogramCounts(counts=accumulator.get_local_value()))
    else:
        return None
    value.text = shown(accumulator.get_local_value())
    return value


def decode(value: AccumulatorValue) -> Accumulator[Any, Any]:
    """Return the accumulator of a message that :func:`is_open`.

    :raises ValueError: it is none.
    """
    kind = value.WhichOneof("kind")
    if kind == "whole" and value.type in _WHOLE:
        return _WHOLE[value.type](int(value.whole)) if value.whole else _empty(value)
    if kind == "real" and value.type in _REAL:
        return _REAL[value.type](value.real)
    if kind == "average" and value.type == AverageAccumulator.__name__:
        return AverageAccumulator(value.average.count, value.average.sum)
    if kind == "histogram" and value.type == Histogram.__name__:
        return Histogram(value.histogram.counts)
    raise ValueError(f"accumulator {value.name!r} says it is a {value.type} and is sent as {kind or 'bytes'}")


def _empty(value: AccumulatorValue) -> Accumulator[Any, Any]:
    for kind in (IntMinimum, IntMaximum, LongMinimum, LongMaximum):
        if value.type == kind.__name__:
            return kind()
    raise ValueError(f"accumulator {value.name!r}, a {value.type}, has no value")
