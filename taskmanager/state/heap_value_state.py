"""ValueState on the heap: the value itself is what is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millstream.datastream.state import ValueState
from millstream.taskmanager.state.heap_cell import HeapCell

__all__ = ["HeapValueState"]


class HeapValueState(ValueState[Any]):
    """Its methods are the cell's functions themselves."""

    __slots__ = ("clear", "update", "value")

    value: Callable[[], Any]
    update: Callable[[Any], None]  # type: ignore[assignment]  # a slot in the place of the method
    clear: Callable[[], None]

    def __init__(self, cell: HeapCell) -> None:
        put, remove = cell.put, cell.remove

        def update(value: Any) -> None:
            if value is None:
                remove()
            else:
                put(value)

        self.value = cell.get
        self.update = update
        self.clear = cell.remove
