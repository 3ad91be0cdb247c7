"""Any number of results per pair of records of a window join."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["FlatJoinFunction", "RichFlatJoinFunction"]


class FlatJoinFunction(Function):
    """Makes any number of records of two that have the same key and are in the same window."""

    @abstractmethod
    def join(self, first: Any, second: Any) -> Any:
        """Yield the results for a pair; with a third parameter there is a collector there: ``out.collect(result)``."""


class RichFlatJoinFunction(RichFunction, FlatJoinFunction):
    """A :class:`FlatJoinFunction` that knows its runtime context."""
