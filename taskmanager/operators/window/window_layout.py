"""How the windows of an operator lie in its keyed state, so that a snapshot of one operator can be another's start.

Windows of time and others with a fixed place keep their contents under the same name, by window and key, whichever
operator runs them. They differ in timers: the operator for aligned windows has none, since all keys share the ends of
its windows; the general one has them per key and window. So either takes over what the other left: timers are made of
the contents, or dropped. All else is kept in ways that only the same operator can read, and that is found out when a
snapshot is restored, not by results that are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from millstream.common.checkpoint.engine_states import WINDOW_LAYOUT
from millstream.common.errors import MillstreamError
from millstream.common.key_groups import key_group
from millstream.common.records import MIN_TIMESTAMP
from millstream.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
)
from millstream.taskmanager.operators.operator import OperatorContext
from millstream.taskmanager.operators.restored_watermark import kept_watermarks
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode
from millstream.taskmanager.state.operator_states import OperatorStates

__all__ = [
    "ALIGNED",
    "CONTENTS",
    "COUNTS",
    "EVENT_TIMERS",
    "GENERAL",
    "INCREMENTAL",
    "MERGING",
    "PROCESSING_TIMERS",
    "SESSIONS",
    "contents_descriptor",
    "keep_layout",
    "restored_layout",
    "watermark_by_key",
]

CONTENTS = " window-contents"
EVENT_TIMERS = "window-event-time"
PROCESSING_TIMERS = "window-processing-time"
INCREMENTAL = "incremental"
"""Tells the state of an incremental function from that of the window function."""
ALIGNED = "tumbling or sliding windows of time"
GENERAL = "windows of any kind that do not merge"
MERGING = "merging windows with a trigger, evictor or assigner of their own"
SESSIONS = "sessions"
COUNTS = "counts of elements"
_COMPATIBLE = {ALIGNED: (ALIGNED, GENERAL), GENERAL: (GENERAL, ALIGNED)}
_KINDS = {
    "list": "all elements",
    "reduce": "what a reduce function made of the elements",
    "aggregate": "the accumulators of an aggregate function",
    "evictor": "all elements with their timestamps, for an evictor",
}


def contents_descriptor(kind: str, function: Any) -> StateDescriptor:
    """The state that contents of windows are.

    :param kind: ``reduce``, ``aggregate``, ``list`` or ``evictor``.
    :param function: ``reduce(a, b)``, or the object with the methods of an aggregate function.
    """
    if kind == "reduce":
        return ReducingStateDescriptor(CONTENTS, function)
    return AggregatingStateDescriptor(CONTENTS, function) if kind == "aggregate" else ListStateDescriptor(CONTENTS)


def keep_layout(states: OperatorStates, layout: str, kind: str) -> None:
    """Say in the snapshot how the windows lie in it."""
    states.operator().put_items(WINDOW_LAYOUT, [(layout, kind)], OperatorStateMode.UNION)


def restored_layout(context: OperatorContext, layout: str, kind: str) -> str | None:
    """Return how the windows lie in what was restored; ``None``: there are none.

    :param layout: how the operator keeps them.
    :raises MillstreamError: it cannot go on from them.
    """
    kept: Iterable[tuple[str, str]] = context.state.operator().items(WINDOW_LAYOUT) or ()
    found = None
    for found, found_kind in kept:
        was, now = found, layout
        if found in _COMPATIBLE.get(layout, (layout,)):
            if found_kind == kind:
                continue
            was, now = _KINDS[found_kind], _KINDS[kind]
        raise MillstreamError(
            f"operator {context.info.name!r}: the snapshot has {was} where the program has {now} now, and cannot be "
            "made into that; restore it with the windows, function and evictor that it was taken with, or give the "
            "operator another uid and let its old state be dropped (--allowNonRestoredState)"
        )
    return found


def watermark_by_key(states: OperatorStates) -> Callable[[Any], int]:
    """What gives the watermark that a key's windows had seen when the snapshot was taken."""
    kept = kept_watermarks(states)
    max_parallelism = states.settings.max_parallelism

    def watermark(key: Any) -> int:
        group = key_group(key, max_parallelism)
        return next((each.watermark for each in kept if group in each.groups), MIN_TIMESTAMP)

    if all(each.watermark == kept[0].watermark for each in kept):
        of_all = kept[0].watermark if kept else MIN_TIMESTAMP
        return lambda _key: of_all
    return watermark
