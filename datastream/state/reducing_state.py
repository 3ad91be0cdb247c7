"""A value per key that a ReduceFunction combines."""

from __future__ import annotations

from typing import TypeVar

from millstream.datastream.state.state import MergingState

__all__ = ["ReducingState"]

T = TypeVar("T")


class ReducingState(MergingState[T, T]):
    """What a ``ReduceFunction`` has made of the values that were added; ``get()`` is ``None`` if there were none."""
