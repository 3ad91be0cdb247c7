"""Which windows an element belongs to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from millstream.common.serializer import TypeSerializer
    from millstream.datastream.functions import RuntimeContext
    from millstream.datastream.window.trigger import Trigger

__all__ = ["MergingWindowAssigner", "WindowAssigner"]

T = TypeVar("T")
W = TypeVar("W")
W2 = TypeVar("W2")


class WindowAssigner(ABC, Generic[T, W]):
    """Puts each element into no, one or several windows."""

    class WindowAssignerContext(ABC):
        """What an assigner may ask."""

        @abstractmethod
        def get_current_processing_time(self) -> int:
            """The time of day, ms."""

        @abstractmethod
        def get_runtime_context(self) -> RuntimeContext:
            """The subtask, and the state of the element's key."""

    @abstractmethod
    def assign_windows(
        self, element: T, timestamp: int, context: WindowAssigner.WindowAssignerContext
    ) -> Collection[W]:
        """Return the element's windows.

        :param timestamp: the element's, ms; the smallest 64-bit number if it has none.
        """

    @abstractmethod
    def get_default_trigger(self, env: Any) -> Trigger[T, W]:
        """Return the trigger of windows for which the program sets none."""

    @abstractmethod
    def get_window_serializer(self) -> TypeSerializer[W]:
        """Return the serializer of the windows. The engine pickles them; the method is there for compatibility."""

    @abstractmethod
    def is_event_time(self) -> bool:
        """Whether the windows end by event time; else by processing time."""


class MergingWindowAssigner(WindowAssigner[T, W]):
    """Windows that can merge: each element opens a window of its own, which takes in others around it."""

    class MergeCallback(ABC, Generic[W2]):
        """Takes note of what is to be merged."""

        @abstractmethod
        def merge(self, to_be_merged: Iterable[W2], merge_result: W2) -> None:
            """Have some windows become one.

            :param to_be_merged: windows that were among those given to ``merge_windows``.
            """

    @abstractmethod
    def merge_windows(self, windows: Iterable[W], callback: MergingWindowAssigner.MergeCallback[W]) -> None:
        """Call ``callback.merge`` for each group of a key's windows that should be one."""
