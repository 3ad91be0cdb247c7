"""One record in, any number of records out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["FlatMapFunction", "RichFlatMapFunction"]


class FlatMapFunction(Function):
    """Turns each record into any number of others."""

    @abstractmethod
    def flat_map(self, value: Any) -> Iterable[Any] | None:
        """Yield the records (or return them in an iterable; ``None``: there are none)."""
        raise NotImplementedError(f"{type(self).__name__} must define flat_map(value)")


class RichFlatMapFunction(RichFunction, FlatMapFunction):
    """A :class:`FlatMapFunction` that knows its runtime context."""
