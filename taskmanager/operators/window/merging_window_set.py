"""Windows of a key that grow together.

Each element opens a window, and the assigner says which of the key's windows are one now. Contents are not moved when
a window grows: they stay in the namespace of the window that they were first put in, the *state window*. Only when two
windows with contents merge, those of one are added to the other's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from millstream.common.errors import MillstreamError
from millstream.datastream.window.dynamic_session_windows import (
    DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
)
from millstream.datastream.window.session_windows import EventTimeSessionWindows, ProcessingTimeSessionWindows
from millstream.datastream.window.time_window import TimeWindow
from millstream.datastream.window.window_assigner import MergingWindowAssigner

__all__ = ["MergeFunction", "WindowMapping", "add_window"]

WindowMapping: TypeAlias = dict[Any, Any]
"""The open windows of a key, each with its state window."""
MergeFunction: TypeAlias = Callable[[Any, list[Any], Any, list[Any]], None]
"""Is told of each merge: the new window, the windows that it takes the place of (those of the new element's left out),
its state window, and the state windows whose contents go there."""

_SESSIONS = (
    EventTimeSessionWindows,
    ProcessingTimeSessionWindows,
    DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
)


class _Merges(MergingWindowAssigner.MergeCallback[Any]):
    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: list[tuple[Any, list[Any]]] = []

    def merge(self, to_be_merged: Iterable[Any], merge_result: Any) -> None:
        self.found.append((merge_result, list(to_be_merged)))


def add_window(
    assigner: MergingWindowAssigner[Any, Any], mapping: WindowMapping, new_window: Any, merge: MergeFunction
) -> Any:
    """Add an element's window to those of its key; return the window that it is a part of now.

    :raises MillstreamError: the assigner merges windows that are not there.
    """
    if not mapping or new_window in mapping:
        mapping.setdefault(new_window, new_window)
        return new_window
    if type(assigner) in _SESSIONS:
        return _add_session(mapping, new_window, merge)
    merges = _Merges()
    assigner.merge_windows([*mapping, new_window], merges)
    result = new_window
    merged_new = False
    for merge_result, together in merges.found:
        merged = [window for window in together if window != new_window]
        if len(merged) < len(together):
            merged_new = True
            result = merge_result
        state_windows = [mapping.pop(window) for window in merged if window in mapping]
        if len(state_windows) < len(merged) or not merged:
            raise MillstreamError(
                f"{type(assigner).__name__}.merge_windows() merged {together!r} to {merge_result!r}; it can merge "
                "those windows only that it is given, and each of them once"
            )
        mapping[merge_result] = state_windows[0]
        if merged != [merge_result]:  # else an element has come to a window that is as it was
            merge(merge_result, merged, state_windows[0], state_windows[1:])
    if not merged_new:
        mapping[new_window] = new_window
    return result


def _add_session(mapping: WindowMapping, new_window: TimeWindow, merge: MergeFunction) -> TimeWindow:
    """The same for windows of which none that are open touch: then only those that the new one touches merge."""
    start, end = new_window.start, new_window.end
    merged = [window for window in mapping if window.start <= end and window.end >= start]
    if not merged:
        mapping[new_window] = new_window
        return new_window
    result = TimeWindow(min(start, *[window.start for window in merged]), max(end, *[window.end for window in merged]))
    if merged == [result]:
        return result
    merged.sort()  # what is in the earliest one comes first
    state_windows = [mapping.pop(window) for window in merged]
    mapping[result] = state_windows[0]
    merge(result, merged, state_windows[0], state_windows[1:])
    return result
