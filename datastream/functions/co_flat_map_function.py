"""One function for the records of two connected streams: any number of results each."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["CoFlatMapFunction", "RichCoFlatMapFunction"]


class CoFlatMapFunction(Function):
    """Makes any number of results of each record of two streams. Both methods share the object's attributes.

    Results are yielded, or returned as an iterable (``None``: there are none). A method with a second parameter gets a
    collector there: ``out.collect(result)``.
    """

    @abstractmethod
    def flat_map1(self, value: Any) -> Any:
        """Give the results for a record of the first stream."""

    @abstractmethod
    def flat_map2(self, value: Any) -> Any:
        """Give the results for a record of the second stream."""


class RichCoFlatMapFunction(RichFunction, CoFlatMapFunction):
    """A :class:`CoFlatMapFunction` that knows its runtime context."""
