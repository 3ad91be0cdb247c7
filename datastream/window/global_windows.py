"""All elements of a key in one window."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from millstream.datastream.window.element_type import T
from millstream.datastream.window.event_time_trigger import EventTimeTrigger
from millstream.datastream.window.global_window import GlobalWindow
from millstream.datastream.window.never_trigger import NeverTrigger
from millstream.datastream.window.trigger import Trigger
from millstream.datastream.window.window_assigner import WindowAssigner
from millstream.datastream.window.window_serializer import GlobalWindowSerializer

__all__ = ["GlobalWindows"]

_WINDOWS = (GlobalWindow.get(),)


class GlobalWindows(WindowAssigner[T, GlobalWindow]):
    """One window per key that never ends, and never fires unless the program sets a trigger.

    What it holds is kept until a trigger purges it.
    """

    def __init__(self) -> None:
        self._fires_at_end = False

    @staticmethod
    def create() -> GlobalWindows[T]:
        """Return the windows."""
        return GlobalWindows()

    @staticmethod
    def create_with_end_of_stream_trigger() -> GlobalWindows[T]:
        """Return windows that fire when bounded input has ended."""
        windows: GlobalWindows[T] = GlobalWindows()
        windows._fires_at_end = True
        return windows

    def assign_windows(
        self, element: T, timestamp: int, context: WindowAssigner.WindowAssignerContext
    ) -> Collection[GlobalWindow]:
        return _WINDOWS

    def get_default_trigger(self, env: Any) -> Trigger[T, Any]:
        return EventTimeTrigger() if self._fires_at_end else NeverTrigger()

    def get_window_serializer(self) -> GlobalWindowSerializer:
        return GlobalWindowSerializer()

    def is_event_time(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "GlobalWindows()"
