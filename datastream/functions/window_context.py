"""What window functions are told about the window they evaluate: the same with keys and without.

Programs know it as ``ProcessWindowFunction.Context`` and ``ProcessAllWindowFunction.Context``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from millstream.datastream.functions.runtime_context import KeyedStateStore

__all__ = ["WindowContext"]

W = TypeVar("W")


class WindowContext(ABC, Generic[W]):
    """What is known about the window."""

    @abstractmethod
    def window(self) -> W:
        """The window that is evaluated."""

    @abstractmethod
    def current_processing_time(self) -> int:
        """The time of day, ms."""

    @abstractmethod
    def current_watermark(self) -> int:
        """How far event time has come, ms; the smallest 64-bit number before the first watermark."""

    @abstractmethod
    def window_state(self) -> KeyedStateStore:
        """State of this window (with keys: of this key and window): ``clear()`` of the function has to clear it.

        Windows that merge cannot have any.
        """

    @abstractmethod
    def global_state(self) -> KeyedStateStore:
        """State that is the same in all windows (with keys: of this key)."""

    @abstractmethod
    def output(self, output_tag: Any, value: Any) -> None:
        """Emit a record to a side output."""
