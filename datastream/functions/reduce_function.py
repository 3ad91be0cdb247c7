"""Combines two records of a key into one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["ReduceFunction", "RichReduceFunction"]


class ReduceFunction(Function):
    """Combines two values into one of the same type; has to be associative."""

    @abstractmethod
    def reduce(self, value1: Any, value2: Any) -> Any:
        """Return the combination of what was reduced so far and the next value."""
        raise NotImplementedError(f"{type(self).__name__} must define reduce(value1, value2)")


class RichReduceFunction(RichFunction, ReduceFunction):
    """A :class:`ReduceFunction` that knows its runtime context."""
