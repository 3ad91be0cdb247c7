"""Windows of so many elements of a key."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from millstream.common.typeinfo import Types
from millstream.datastream.state import ValueStateDescriptor
from millstream.datastream.window.count_trigger import CountTrigger
from millstream.datastream.window.count_window import CountWindow
from millstream.datastream.window.element_type import T
from millstream.datastream.window.trigger import Trigger
from millstream.datastream.window.window_assigner import WindowAssigner
from millstream.datastream.window.window_serializer import CountWindowSerializer
from millstream.datastream.window.window_settings import check_positive

__all__ = ["CountSlidingWindowAssigner", "CountTumblingWindowAssigner"]


class CountTumblingWindowAssigner(WindowAssigner[T, CountWindow]):
    """Each ``window_size`` elements of a key are a window."""

    def __init__(self, window_size: int) -> None:
        check_positive("CountTumblingWindowAssigner", window_size=window_size)
        self.window_size = window_size
        self._count_descriptor = ValueStateDescriptor("tumble-count-assigner", Types.LONG())

    @staticmethod
    def of(window_size: int) -> CountTumblingWindowAssigner[T]:
        """Return windows of so many elements."""
        return CountTumblingWindowAssigner(window_size)

    def assign_windows(
        self, element: T, timestamp: int, context: WindowAssigner.WindowAssignerContext
    ) -> Collection[CountWindow]:
        state = context.get_runtime_context().get_state(self._count_descriptor)
        count = state.value() or 0
        state.update(count + 1)
        return (CountWindow(count // self.window_size),)

    def get_default_trigger(self, env: Any) -> Trigger[T, Any]:
        return CountTrigger(self.window_size)

    def get_window_serializer(self) -> CountWindowSerializer:
        return CountWindowSerializer()

    def is_event_time(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"CountTumblingWindowAssigner({self.window_size})"


class CountSlidingWindowAssigner(WindowAssigner[T, CountWindow]):
    """After each ``window_slide`` elements of a key another window of ``window_size`` begins."""

    def __init__(self, window_size: int, window_slide: int) -> None:
        check_positive("CountSlidingWindowAssigner", window_size=window_size, window_slide=window_slide)
        self.window_size = window_size
        self.window_slide = window_slide
        self._count_descriptor = ValueStateDescriptor("slide-count-assigner", Types.LONG())

    @staticmethod
    def of(window_size: int, window_slide: int) -> CountSlidingWindowAssigner[T]:
        """Return windows of so many elements, and so many apart."""
        return CountSlidingWindowAssigner(window_size, window_slide)

    def assign_windows(
        self, element: T, timestamp: int, context: WindowAssigner.WindowAssignerContext
    ) -> Collection[CountWindow]:
        state = context.get_runtime_context().get_state(self._count_descriptor)
        count = state.value() or 0
        state.update(count + 1)
        last = count // self.window_slide
        first = max(0, (count - self.window_size) // self.window_slide + 1)
        return [CountWindow(number) for number in range(last, first - 1, -1)]

    def get_default_trigger(self, env: Any) -> Trigger[T, Any]:
        return CountTrigger(self.window_size)

    def get_window_serializer(self) -> CountWindowSerializer:
        return CountWindowSerializer()

    def is_event_time(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"CountSlidingWindowAssigner({self.window_size}, {self.window_slide})"
