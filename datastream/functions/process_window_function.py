"""Evaluates a key's window, with times, state and side outputs at hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from millstream.datastream.functions.function import RichFunction
from millstream.datastream.functions.window_context import WindowContext

__all__ = ["ProcessWindowFunction"]

IN = TypeVar("IN")
OUT = TypeVar("OUT")
KEY = TypeVar("KEY")
W = TypeVar("W")
W2 = TypeVar("W2")


class ProcessWindowFunction(RichFunction, Generic[IN, OUT, KEY, W]):
    """Is called each time a window of a key fires.

    Results are yielded or returned as an iterable; a result ``tag, value`` whose first part is an
    :class:`~millstream.datastream.output_tag.OutputTag` goes to that side output. A ``process`` with a fourth
    parameter gets a collector there: ``out.collect(result)``.
    """

    class Context(WindowContext[W2], ABC):
        """What is known about the window. One object serves all windows: do not keep it."""

    @abstractmethod
    def process(self, key: KEY, context: ProcessWindowFunction.Context[W], elements: Iterable[IN]) -> Any:
        """Evaluate a window.

        :param elements: its elements; after an incremental function the one result of that.
        """

    def clear(self, context: ProcessWindowFunction.Context[W]) -> None:
        """The window has come to its end, its lateness included: clear its ``window_state``."""
