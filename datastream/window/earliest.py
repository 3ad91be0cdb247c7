"""Keeps the next time of a trigger that fires again and again."""

from __future__ import annotations

from millstream.datastream.functions.reduce_function import ReduceFunction

__all__ = ["Earliest"]


class Earliest(ReduceFunction):
    """Of two times the earlier one: what windows that merge go on with."""

    def reduce(self, value1: int, value2: int) -> int:
        return min(value1, value2)
