"""Evaluates a key's window, with times, state and side outputs at hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from millstream.datastream.functions.function import RichFunction

if TYPE_CHECKING:
    from millstream.datastream.functions.runtime_context import KeyedStateStore

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

    class Context(ABC, Generic[W2]):
        """What is known about the window. One object serves all windows: do not keep it."""

        @abstractmethod
        def window(self) -> W2:
            """The window that is evaluated."""

        @abstractmethod
        def current_processing_time(self) -> int:
            """The time of day, ms."""

        @abstractmethod
        def current_watermark(self) -> int:
            """How far event time has come, ms; the smallest 64-bit number before the first watermark."""

        @abstractmethod
        def window_state(self) -> KeyedStateStore:
            """State of this key and window: :meth:`ProcessWindowFunction.clear` has to clear it.

            Windows that merge cannot have any.
            """

        @abstractmethod
        def global_state(self) -> KeyedStateStore:
            """State of this key, the same in all its windows."""

        @abstractmethod
        def output(self, output_tag: Any, value: Any) -> None:
            """Emit a record to a side output."""

    @abstractmethod
    def process(self, key: KEY, context: ProcessWindowFunction.Context[W], elements: Iterable[IN]) -> Any:
        """Evaluate a window.

        :param elements: its elements; after an incremental function the one result of that.
        """

    def clear(self, context: ProcessWindowFunction.Context[W]) -> None:
        """The window has come to its end, its lateness included: clear its ``window_state``."""
