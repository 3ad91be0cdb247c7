"""AggregatingState on the heap: the accumulator is what is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millstream.datastream.functions import AggregateFunction
from millstream.datastream.state import AggregatingState
from millstream.taskmanager.state.heap_cell import HeapCell

__all__ = ["HeapAggregatingState"]


class HeapAggregatingState(AggregatingState[Any, Any]):
    """Adds to the accumulator at once, and asks for the result when it is read."""

    __slots__ = ("_cell", "_current", "_function")

    def __init__(self, cell: HeapCell, current: Callable[[], Any], function: AggregateFunction) -> None:
        """:param current: the accumulator to add to; other than ``cell.get`` it never is what expired."""
        self._cell = cell
        self._current = current
        self._function = function

    def get(self) -> Any:
        accumulator = self._cell.get()
        return None if accumulator is None else self._function.get_result(accumulator)

    def add(self, value: Any) -> None:
        accumulator = self._current()
        if accumulator is None:
            accumulator = self._function.create_accumulator()
        accumulator = self._function.add(value, accumulator)
        if accumulator is None:
            self._cell.remove()
        else:
            self._cell.put(accumulator)

    def clear(self) -> None:
        self._cell.remove()
