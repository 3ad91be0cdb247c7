"""Fires when elements have changed enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from millstream.common.typeinfo import Types
from millstream.datastream.state import ValueStateDescriptor
from millstream.datastream.window.delta_function import DeltaFunction, delta_of
from millstream.datastream.window.element_type import T
from millstream.datastream.window.trigger import Trigger
from millstream.datastream.window.trigger_result import TriggerResult
from millstream.datastream.window.window import Window

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation

__all__ = ["DeltaTrigger"]


class DeltaTrigger(Trigger[T, Window]):
    """Fires at an element that is further than ``threshold`` from the one at which it fired last (at first, from the
    first one).
    """

    def __init__(
        self,
        threshold: float,
        delta_function: DeltaFunction | Callable[[T, T], float],
        element_type: TypeInformation | None = None,
    ) -> None:
        self.threshold = threshold
        self._delta = delta_of(delta_function, "DeltaTrigger")
        self._last_descriptor = ValueStateDescriptor("last-element", element_type or Types.PICKLED_BYTE_ARRAY())

    @staticmethod
    def of(
        threshold: float,
        delta_function: DeltaFunction | Callable[[T, T], float],
        element_type: TypeInformation | None = None,
    ) -> DeltaTrigger[T]:
        """Return a trigger with a threshold.

        :param element_type: what the elements are, for the state that holds one.
        """
        return DeltaTrigger(threshold, delta_function, element_type)

    def on_element(self, element: T, timestamp: int, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        last = ctx.get_partitioned_state(self._last_descriptor)
        before = last.value()
        if before is None:
            last.update(element)
        elif self._delta(before, element) > self.threshold:
            last.update(element)
            return TriggerResult.FIRE
        return TriggerResult.CONTINUE

    def on_processing_time(self, time: int, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        return TriggerResult.CONTINUE

    def clear(self, window: Window, ctx: Trigger.TriggerContext) -> None:
        ctx.get_partitioned_state(self._last_descriptor).clear()

    def __repr__(self) -> str:
        return f"DeltaTrigger({self.threshold})"
