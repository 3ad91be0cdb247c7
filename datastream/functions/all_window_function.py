"""Evaluates a window over all elements of a stream."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["AllWindowFunction", "RichAllWindowFunction"]

IN = TypeVar("IN")
OUT = TypeVar("OUT")
W = TypeVar("W")


class AllWindowFunction(Function, Generic[IN, OUT, W]):
    """Is called each time a window fires. Results as those of a ``WindowFunction``."""

    @abstractmethod
    def apply(self, window: W, inputs: Iterable[IN]) -> Any:
        """Evaluate a window.

        :param inputs: its elements; after an incremental function the one result of that.
        """


class RichAllWindowFunction(RichFunction, AllWindowFunction[IN, OUT, W]):
    """An :class:`AllWindowFunction` that knows its runtime context."""
