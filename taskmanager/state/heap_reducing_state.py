"""ReducingState on the heap: the value that was reduced so far is what is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millstream.datastream.state import ReducingState
from millstream.taskmanager.state.heap_cell import HeapCell

__all__ = ["HeapReducingState"]


class HeapReducingState(ReducingState[Any]):
    """Reduces as soon as a value is added."""

    __slots__ = ("_cell", "_current", "_reduce")

    def __init__(self, cell: HeapCell, current: Callable[[], Any], reduce: Callable[[Any, Any], Any]) -> None:
        """:param current: what an added value is combined with; other than ``cell.get`` it never is what expired."""
        self._cell = cell
        self._current = current
        self._reduce = reduce

    def get(self) -> Any:
        return self._cell.get()

    def add(self, value: Any) -> None:
        stored = self._current()
        result = value if stored is None else self._reduce(stored, value)
        if result is None:
            self._cell.remove()
        else:
            self._cell.put(result)

    def clear(self) -> None:
        self._cell.remove()
