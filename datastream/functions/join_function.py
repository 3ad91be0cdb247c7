"""One result per pair of records of a window join."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["JoinFunction", "RichJoinFunction"]


class JoinFunction(Function):
    """Makes one record of two that have the same key and are in the same window."""

    @abstractmethod
    def join(self, first: Any, second: Any) -> Any:
        """Return the result for a pair."""


class RichJoinFunction(RichFunction, JoinFunction):
    """A :class:`JoinFunction` that knows its runtime context."""
