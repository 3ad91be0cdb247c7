"""Which elements of a window are dropped when it fires."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from millstream.datastream.window.timestamped_value import TimestampedValue

if TYPE_CHECKING:
    from millstream.common.metrics import MetricGroup

__all__ = ["Evictor"]

T = TypeVar("T")
W = TypeVar("W")


class Evictor(ABC, Generic[T, W]):
    """Removes elements of a window that fires, before and after it is evaluated.

    Both methods get a list of :class:`TimestampedValue` and change it in place: ``del elements[:2]``,
    ``elements.remove(element)``, ``elements[:] = [...]``. What is left stays in the window. A window with an evictor
    keeps all its elements, with an incremental function too.
    """

    class EvictorContext(ABC):
        """What is known beside the elements."""

        @abstractmethod
        def get_current_processing_time(self) -> int:
            """The time of day, ms."""

        @abstractmethod
        def get_metric_group(self) -> MetricGroup:
            """Where the evictor registers its metrics."""

        @abstractmethod
        def get_current_watermark(self) -> int:
            """How far event time has come, ms."""

    @abstractmethod
    def evict_before(
        self, elements: list[TimestampedValue], size: int, window: W, evictor_context: Evictor.EvictorContext
    ) -> Any:
        """Remove elements before the window is evaluated.

        :param size: how many there are.
        """

    @abstractmethod
    def evict_after(
        self, elements: list[TimestampedValue], size: int, window: W, evictor_context: Evictor.EvictorContext
    ) -> Any:
        """Remove elements after the window has been evaluated.

        :param size: how many there are.
        """
