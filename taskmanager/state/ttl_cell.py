"""Lets the single value in a cell expire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millstream.taskmanager.state.heap_cell import HeapCell
from millstream.taskmanager.state.ttl_clock import TtlClock

__all__ = ["trim_value", "ttl_cell"]


def ttl_cell(cell: HeapCell, clock: TtlClock) -> tuple[HeapCell, Callable[[], Any]]:
    """Return a cell of plain values over one of stamped ones; and how to read it without seeing what has expired."""
    stamped, store, remove = cell.get, cell.put, cell.remove

    def get() -> Any:
        found = stamped()
        if found is None:
            return None
        value, stamp = found
        if stamp <= clock.horizon():
            remove()
            return value if clock.shows_expired else None
        if clock.refreshes_on_read:
            store((value, clock.now()))
        return value

    def current() -> Any:
        found = stamped()
        return None if found is None or found[1] <= clock.horizon() else found[0]

    def put(value: Any) -> None:
        store((value, clock.now()))

    return HeapCell(get, put, remove), current


def trim_value(stored: Any, horizon: int) -> Any:
    """What is left of a stamped value: itself or ``None``."""
    return None if stored[1] <= horizon else stored
