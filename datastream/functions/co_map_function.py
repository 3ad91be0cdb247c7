"""One function for the records of two connected streams: one result each."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["CoMapFunction", "RichCoMapFunction"]


class CoMapFunction(Function):
    """Maps the records of two streams, which may be of two types, to one. Both methods share the object's attributes.

    A result of ``None`` is no result: nothing goes out for that record.
    """

    @abstractmethod
    def map1(self, value: Any) -> Any:
        """Return the result for a record of the first stream."""

    @abstractmethod
    def map2(self, value: Any) -> Any:
        """Return the result for a record of the second stream."""


class RichCoMapFunction(RichFunction, CoMapFunction):
    """A :class:`CoMapFunction` that knows its runtime context."""
