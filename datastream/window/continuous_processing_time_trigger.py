"""Fires again and again in processing time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from millstream.common.time import Duration, Time, milliseconds_of
from millstream.common.typeinfo import Types
from millstream.datastream.state import ReducingStateDescriptor
from millstream.datastream.window.earliest import Earliest
from millstream.datastream.window.element_type import T
from millstream.datastream.window.time_window import TimeWindow
from millstream.datastream.window.trigger import Trigger
from millstream.datastream.window.trigger_result import TriggerResult
from millstream.datastream.window.window_settings import check_positive

__all__ = ["ContinuousProcessingTimeTrigger"]


class ContinuousProcessingTimeTrigger(Trigger[T, TimeWindow]):
    """Fires when the clock passes a multiple of ``interval`` (ms), and at the end of the window."""

    def __init__(self, interval: int) -> None:
        check_positive("ContinuousProcessingTimeTrigger", interval=interval)
        self.interval = interval
        self.state_desc = ReducingStateDescriptor("fire-time", Earliest(), Types.LONG())

    @staticmethod
    def of(interval: Duration | Time | timedelta) -> ContinuousProcessingTimeTrigger[T]:
        """Return a trigger that fires at this interval."""
        return ContinuousProcessingTimeTrigger(milliseconds_of(interval))

    def on_element(self, element: T, timestamp: int, window: TimeWindow, ctx: Trigger.TriggerContext) -> TriggerResult:
        fire_time = ctx.get_partitioned_state(self.state_desc)
        if fire_time.get() is None:
            now = ctx.get_current_processing_time()
            self.register_next_fire_timestamp(now - now % self.interval, window, ctx, fire_time)
        return TriggerResult.CONTINUE

    def on_processing_time(self, time: int, window: TimeWindow, ctx: Trigger.TriggerContext) -> TriggerResult:
        fire_time = ctx.get_partitioned_state(self.state_desc)
        if fire_time.get() != time:
            return TriggerResult.CONTINUE
        fire_time.clear()
        if time < window.max_timestamp():  # else it would fire now again, without end
            self.register_next_fire_timestamp(time, window, ctx, fire_time)
        return TriggerResult.FIRE

    def on_event_time(self, time: int, window: TimeWindow, ctx: Trigger.TriggerContext) -> TriggerResult:
        return TriggerResult.CONTINUE

    def can_merge(self) -> bool:
        return True

    def on_merge(self, window: TimeWindow, ctx: Trigger.OnMergeContext) -> None:
        ctx.merge_partitioned_state(self.state_desc)
        fire_time = ctx.get_partitioned_state(self.state_desc).get()
        if fire_time is not None:
            ctx.register_processing_time_timer(fire_time)

    def clear(self, window: TimeWindow, ctx: Trigger.TriggerContext) -> None:
        fire_time = ctx.get_partitioned_state(self.state_desc)
        timestamp = fire_time.get()
        if timestamp is not None:
            ctx.delete_processing_time_timer(timestamp)
            fire_time.clear()

    def register_next_fire_timestamp(
        self, time: int, window: TimeWindow, ctx: Trigger.TriggerContext, fire_timestamp_state: Any
    ) -> None:
        """Set the timer that comes after ``time``."""
        following = min(time + self.interval, window.max_timestamp())
        fire_timestamp_state.add(following)
        ctx.register_processing_time_timer(following)

    def __repr__(self) -> str:
        return f"ContinuousProcessingTimeTrigger({self.interval})"
