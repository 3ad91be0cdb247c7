"""Fires when another trigger has not done so for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from millstream.common.time import Duration, Time, milliseconds_of
from millstream.common.typeinfo import Types
from millstream.datastream.call_site import call_site
from millstream.datastream.state import ValueStateDescriptor
from millstream.datastream.window.element_type import T
from millstream.datastream.window.trigger import Trigger
from millstream.datastream.window.trigger_result import TriggerResult
from millstream.datastream.window.window import Window

__all__ = ["ProcessingTimeoutTrigger"]


class ProcessingTimeoutTrigger(Trigger[T, Window]):
    """Fires when ``nested_trigger`` does, and when ``interval`` ms have gone by since the window's first element."""

    def __init__(
        self,
        nested_trigger: Trigger[Any, Any],
        interval: int,
        reset_timer_on_new_record: bool = False,
        should_clear_on_timeout: bool = False,
    ) -> None:
        """
        :param reset_timer_on_new_record: the time counts from the last element, not from the first.
        :param should_clear_on_timeout: the nested trigger starts anew after the timeout.
        """
        if not isinstance(nested_trigger, Trigger):
            raise TypeError(f"{call_site()}: ProcessingTimeoutTrigger.of() takes a Trigger, not {nested_trigger!r}")
        self.nested_trigger = nested_trigger
        self.interval = interval
        self.reset_timer_on_new_record = reset_timer_on_new_record
        self.should_clear_on_timeout = should_clear_on_timeout
        self._timeout_descriptor = ValueStateDescriptor("timeout", Types.LONG())

    @staticmethod
    def of(
        nested_trigger: Trigger[Any, Any],
        timeout: Duration | Time | timedelta,
        reset_timer_on_new_record: bool = False,
        should_clear_on_timeout: bool = True,
    ) -> ProcessingTimeoutTrigger[T]:
        """Return a trigger with a timeout."""
        return ProcessingTimeoutTrigger(
            nested_trigger, milliseconds_of(timeout), reset_timer_on_new_record, should_clear_on_timeout
        )

    def on_element(self, element: T, timestamp: int, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        result = self.nested_trigger.on_element(element, timestamp, window, ctx)
        if result.is_fire():
            self.clear(window, ctx)
            return result
        state = ctx.get_partitioned_state(self._timeout_descriptor)
        timeout = state.value()
        if timeout is not None and self.reset_timer_on_new_record:
            ctx.delete_processing_time_timer(timeout)
            timeout = None
        if timeout is None:
            timeout = ctx.get_current_processing_time() + self.interval
            state.update(timeout)
            ctx.register_processing_time_timer(timeout)
        return result

    def on_processing_time(self, time: int, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        return self._fired(self.nested_trigger.on_processing_time(time, window, ctx), window, ctx)

    def on_event_time(self, time: int, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        return self._fired(self.nested_trigger.on_event_time(time, window, ctx), window, ctx)

    def _fired(self, result: TriggerResult, window: Window, ctx: Trigger.TriggerContext) -> TriggerResult:
        if self.should_clear_on_timeout:
            self.clear(window, ctx)
        return TriggerResult.FIRE_AND_PURGE if result.is_purge() else TriggerResult.FIRE

    def clear(self, window: Window, ctx: Trigger.TriggerContext) -> None:
        state = ctx.get_partitioned_state(self._timeout_descriptor)
        timeout = state.value()
        if timeout is not None:
            ctx.delete_processing_time_timer(timeout)
            state.clear()
        self.nested_trigger.clear(window, ctx)

    def __repr__(self) -> str:
        return f"ProcessingTimeoutTrigger({self.nested_trigger!r}, {self.interval})"
