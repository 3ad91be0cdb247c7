"""One record in, one record out."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["MapFunction", "RichMapFunction"]


class MapFunction(Function):
    """Turns each record into one other."""

    @abstractmethod
    def map(self, value: Any) -> Any:
        """Return the record that takes the place of ``value``."""
        raise NotImplementedError(f"{type(self).__name__} must define map(value)")


class RichMapFunction(RichFunction, MapFunction):
    """A :class:`MapFunction` that knows its runtime context."""
