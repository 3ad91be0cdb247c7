"""Evaluates a window over all elements of a stream, with times, state and side outputs at hand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from millstream.datastream.functions.function import RichFunction

if TYPE_CHECKING:
    from millstream.datastream.functions.runtime_context import KeyedStateStore

__all__ = ["ProcessAllWindowFunction"]

IN = TypeVar("IN")
OUT = TypeVar("OUT")
W = TypeVar("W")
W2 = TypeVar("W2")


class ProcessAllWindowFunction(RichFunction, Generic[IN, OUT, W]):
    """Is called each time a window fires. Results as those of a ``ProcessWindowFunction``."""

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
            """State of this window: :meth:`ProcessAllWindowFunction.clear` has to clear it.

            Windows that merge cannot have any.
            """

        @abstractmethod
        def global_state(self) -> KeyedStateStore:
            """State of the function, the same in all windows."""

        @abstractmethod
        def output(self, output_tag: Any, value: Any) -> None:
            """Emit a record to a side output."""

    @abstractmethod
    def process(self, context: ProcessAllWindowFunction.Context[W], elements: Iterable[IN]) -> Any:
        """Evaluate a window.

        :param elements: its elements; after an incremental function the one result of that.
        """

    def clear(self, context: ProcessAllWindowFunction.Context[W]) -> None:
        """The window has come to its end, its lateness included: clear its ``window_state``."""
