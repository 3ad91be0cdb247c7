"""When a window is evaluated."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from millstream.datastream.window.trigger_result import TriggerResult

if TYPE_CHECKING:
    from millstream.common.metrics import MetricGroup

__all__ = ["Trigger"]

T = TypeVar("T")
W = TypeVar("W")


class Trigger(ABC, Generic[T, W]):
    """Decides when the elements of a key and window are evaluated.

    One object serves all keys and windows: what it has to remember, it keeps in the context's state.
    """

    class TriggerContext(ABC):
        """What is known about the key and window. One object serves all calls: do not keep it. Times are in ms."""

        @abstractmethod
        def get_current_processing_time(self) -> int:
            """The time of day."""

        @abstractmethod
        def get_metric_group(self) -> MetricGroup:
            """Where the trigger registers its metrics."""

        @abstractmethod
        def get_current_watermark(self) -> int:
            """How far event time has come; the smallest 64-bit number before the first watermark."""

        @abstractmethod
        def register_processing_time_timer(self, time: int) -> None:
            """Have ``on_processing_time`` called for this key and window when it is ``time`` o'clock."""

        @abstractmethod
        def register_event_time_timer(self, time: int) -> None:
            """Have ``on_event_time`` called for this key and window when the watermark reaches ``time``."""

        @abstractmethod
        def delete_processing_time_timer(self, time: int) -> None:
            """Delete a timer; nothing if there is none."""

        @abstractmethod
        def delete_event_time_timer(self, time: int) -> None:
            """Delete a timer; nothing if there is none."""

        @abstractmethod
        def get_partitioned_state(self, state_descriptor: Any) -> Any:
            """State of this key and window."""

    class OnMergeContext(TriggerContext):
        """The same for windows that have become one; it stands for the new window."""

        @abstractmethod
        def merge_partitioned_state(self, state_descriptor: Any) -> None:
            """Let the new window have what the state of the merged windows held: list, reducing and aggregating
            state.
            """

    @abstractmethod
    def on_element(self, element: T, timestamp: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """An element has been added to the window."""

    @abstractmethod
    def on_processing_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """A processing-time timer that was set for ``time`` has come."""

    @abstractmethod
    def on_event_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """An event-time timer that was set for ``time`` has come."""

    def can_merge(self) -> bool:
        """Whether the trigger works with windows that merge; it has an :meth:`on_merge` then."""
        return False

    def on_merge(self, window: W, ctx: Trigger.OnMergeContext) -> None:
        """Some windows have become ``window``: merge the state, and set the timers anew."""
        raise NotImplementedError(f"{type(self).__name__} has no on_merge(): it does not work with windows that merge")

    @abstractmethod
    def clear(self, window: W, ctx: Trigger.TriggerContext) -> None:
        """The window has come to its end: delete what timers and state the trigger has for it."""
