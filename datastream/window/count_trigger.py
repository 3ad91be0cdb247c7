"""Fires when so many elements have come."""

from __future__ import annotations

from millstream.common.typeinfo import Types
from millstream.datastream.functions.reduce_function import ReduceFunction
from millstream.datastream.state import ReducingStateDescriptor
from millstream.datastream.window.element_type import T
from millstream.datastream.window.trigger import Trigger
from millstream.datastream.window.trigger_result import TriggerResult
from millstream.datastream.window.window import Window
from millstream.datastream.window.window_settings import check_positive

__all__ = ["CountTrigger"]


class CountTrigger(Trigger[T, Window]):
    """Fires after each ``window_size`` elements of a key and window."""

    def __init__(self, window_size: int) -> None:
        check_positive("CountTrigger", window_size=window_size)
        self.window_size = window_size
        self._count_descriptor = ReducingStateDescriptor("count", _Sum(), Types.LONG())

    @staticmethod
    def of(window_size: int) -> CountTrigger[T]:
        """Return a trigger that fires after so many elements."""
        return CountTrigger(window_size)

    def on_element(self, element: T, timestamp: int, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        count = ctx.get_partitioned_state(self._count_descriptor)
        count.add(1)
        if count.get() < self.window_size:
            return TriggerResult.CONTINUE
        count.clear()
        return TriggerResult.FIRE

    def on_processing_time(self, time: int, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        return TriggerResult.CONTINUE

    def can_merge(self) -> bool:
        return True

    def on_merge(self, window: Window, ctx: Trigger.OnMergeContext) -> None:
        ctx.merge_partitioned_state(self._count_descriptor)

    def clear(self, window: Window, ctx: Trigger.TriggerContext) -> None:
        ctx.get_partitioned_state(self._count_descriptor).clear()

    def __repr__(self) -> str:
        return f"CountTrigger({self.window_size})"


class _Sum(ReduceFunction):
    def reduce(self, value1: int, value2: int) -> int:
        return value1 + value2
