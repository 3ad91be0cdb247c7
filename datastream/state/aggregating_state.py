"""An accumulator per key that an AggregateFunction folds values into."""

from __future__ import annotations

from typing import TypeVar

from millstream.datastream.state.state import MergingState

__all__ = ["AggregatingState"]

IN = TypeVar("IN")
OUT = TypeVar("OUT")


class AggregatingState(MergingState[IN, OUT]):
    """The accumulator of an ``AggregateFunction``; ``get()`` is its result, ``None`` if nothing was added."""
