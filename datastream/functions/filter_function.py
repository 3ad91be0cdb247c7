"""Keeps some records."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["FilterFunction", "RichFilterFunction"]


class FilterFunction(Function):
    """Keeps the records for which it is true."""

    @abstractmethod
    def filter(self, value: Any) -> bool:
        """Whether ``value`` stays in the stream."""
        raise NotImplementedError(f"{type(self).__name__} must define filter(value)")


class RichFilterFunction(RichFunction, FilterFunction):
    """A :class:`FilterFunction` that knows its runtime context."""
