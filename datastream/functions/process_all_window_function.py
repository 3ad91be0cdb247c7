"""Evaluates a window over all elements of a stream, with times, state and side outputs at hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from millstream.datastream.functions.function import RichFunction
from millstream.datastream.functions.window_context import WindowContext

__all__ = ["ProcessAllWindowFunction"]

IN = TypeVar("IN")
OUT = TypeVar("OUT")
W = TypeVar("W")
W2 = TypeVar("W2")


class ProcessAllWindowFunction(RichFunction, Generic[IN, OUT, W]):
    """Is called each time a window fires. Results as those of a ``ProcessWindowFunction``."""

    class Context(WindowContext[W2], ABC):
        """What is known about the window. One object serves all windows: do not keep it."""

    @abstractmethod
    def process(self, context: ProcessAllWindowFunction.Context[W], elements: Iterable[IN]) -> Any:
        """Evaluate a window.

        :param elements: its elements; after an incremental function the one result of that.
        """

    def clear(self, context: ProcessAllWindowFunction.Context[W]) -> None:
        """The window has come to its end, its lateness included: clear its ``window_state``."""
