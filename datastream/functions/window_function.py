"""Evaluates a key's window."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["RichWindowFunction", "WindowFunction"]

IN = TypeVar("IN")
OUT = TypeVar("OUT")
KEY = TypeVar("KEY")
W = TypeVar("W")


class WindowFunction(Function, Generic[IN, OUT, KEY, W]):
    """Is called each time a window of a key fires.

    Results are yielded or returned as an iterable. An ``apply`` with a fourth parameter gets a collector there:
    ``out.collect(result)``.
    """

    @abstractmethod
    def apply(self, key: KEY, window: W, inputs: Iterable[IN]) -> Any:
        """Evaluate a window.

        :param inputs: its elements; after an incremental function the one result of that.
        """


class RichWindowFunction(RichFunction, WindowFunction[IN, OUT, KEY, W]):
    """A :class:`WindowFunction` that knows its runtime context."""
