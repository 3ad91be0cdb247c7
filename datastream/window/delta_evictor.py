"""Keeps the elements that are like the last one."""

from __future__ import annotations

from collections.abc import Callable

from millstream.datastream.window.delta_function import DeltaFunction, delta_of
from millstream.datastream.window.element_type import T
from millstream.datastream.window.evictor import Evictor
from millstream.datastream.window.timestamped_value import TimestampedValue
from millstream.datastream.window.window import Window

__all__ = ["DeltaEvictor"]


class DeltaEvictor(Evictor[T, Window]):
    """Removes the elements that are ``threshold`` or further from the last element."""

    def __init__(
        self,
        threshold: float,
        delta_function: DeltaFunction | Callable[[T, T], float],
        do_evict_after: bool = False,
    ) -> None:
        """:param do_evict_after: after the window has been evaluated, not before."""
        self.threshold = threshold
        self._delta = delta_of(delta_function, "DeltaEvictor")
        self.do_evict_after = do_evict_after

    @staticmethod
    def of(
        threshold: float,
        delta_function: DeltaFunction | Callable[[T, T], float],
        do_evict_after: bool = False,
    ) -> DeltaEvictor[T]:
        """Return an evictor with a threshold."""
        return DeltaEvictor(threshold, delta_function, do_evict_after)

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
        if elements:
            last = elements[-1].value
            elements[:] = [element for element in elements if self._delta(element.value, last) < self.threshold]
