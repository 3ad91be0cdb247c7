"""Keeps the newest elements."""

from __future__ import annotations

from datetime import timedelta

from millstream.common.time import Duration, Time, milliseconds_of
from millstream.datastream.window.element_type import T
from millstream.datastream.window.evictor import Evictor
from millstream.datastream.window.timestamped_value import TimestampedValue
from millstream.datastream.window.window import Window

__all__ = ["TimeEvictor"]


class TimeEvictor(Evictor[T, Window]):
    """Keeps the elements of the last ``window_size`` ms before the newest timestamp; all if they have no timestamps."""

    def __init__(self, window_size: int, do_evict_after: bool = False) -> None:
        """:param do_evict_after: after the window has been evaluated, not before."""
        self.window_size = window_size
        self.do_evict_after = do_evict_after

    @staticmethod
    def of(window_size: Duration | Time | timedelta, do_evict_after: bool = False) -> TimeEvictor[T]:
        """Return an evictor that keeps elements for so long."""
        return TimeEvictor(milliseconds_of(window_size), do_evict_after)

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
        timestamps = [element.timestamp for element in elements if element.timestamp is not None]
        if not timestamps:
            return
        cutoff = max(timestamps) - self.window_size
        elements[:] = [element for element in elements if element.timestamp is None or element.timestamp > cutoff]
