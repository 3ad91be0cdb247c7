"""Keeps so many elements."""

from __future__ import annotations

from millstream.datastream.window.element_type import T
from millstream.datastream.window.evictor import Evictor
from millstream.datastream.window.timestamped_value import TimestampedValue
from millstream.datastream.window.window import Window

__all__ = ["CountEvictor"]


class CountEvictor(Evictor[T, Window]):
    """Keeps the last ``max_count`` elements."""

    def __init__(self, max_count: int, do_evict_after: bool = False) -> None:
        """:param do_evict_after: after the window has been evaluated, not before."""
        self.max_count = max_count
        self.do_evict_after = do_evict_after

    @staticmethod
    def of(max_count: int, do_evict_after: bool = False) -> CountEvictor[T]:
        """Return an evictor that keeps so many elements."""
        return CountEvictor(max_count, do_evict_after)

    def evict_before(
        self, elements: list[TimestampedValue], size: int, window: Window, evictor_context: Evictor.EvictorContext
    ) -> None:
        if not self.do_evict_after:
            self._evict(elements)

    def evict_after(
        self, elements: list[TimestampedValue], size: int, window: Window, evictor_context: Evictor.EvictorContext
    ) -> None:
        if self.do_evict_after:
            self._evict(elements)

    def _evict(self, elements: list[TimestampedValue]) -> None:
        surplus = len(elements) - self.max_count
        if surplus > 0:
            del elements[:surplus]
