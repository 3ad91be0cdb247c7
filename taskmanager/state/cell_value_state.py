"""ValueState over any cell: state that expires, or that belongs to a namespace."""

from __future__ import annotations

from typing import Any

from millstream.datastream.state import ValueState
from millstream.taskmanager.state.heap_cell import HeapCell

__all__ = ["CellValueState"]


class CellValueState(ValueState[Any]):
    """Stores the value in the cell."""

    __slots__ = ("_cell",)

    def __init__(self, cell: HeapCell) -> None:
        self._cell = cell

    def value(self) -> Any:
        return self._cell.get()

    def update(self, value: Any) -> None:
        if value is None:
            self._cell.remove()
        else:
            self._cell.put(value)

    def clear(self) -> None:
        self._cell.remove()
