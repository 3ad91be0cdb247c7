"""ListState on the heap: a list per key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from millstream.datastream.state import ListState
from millstream.taskmanager.state.heap_cell import HeapCell

__all__ = ["HeapListState"]


class HeapListState(ListState[Any]):
    """Stores a list that is never empty."""

    __slots__ = ("_get", "_put", "_remove")

    def __init__(self, cell: HeapCell) -> None:
        self._get = cell.get
        self._put = cell.put
        self._remove = cell.remove

    def get(self) -> list[Any]:
        stored = self._get()
        return [] if stored is None else stored.copy()

    def add(self, value: Any) -> None:
        stored = self._get()
        if stored is None:
            self._put([value])
        else:
            stored.append(value)

    def add_all(self, values: Iterable[Any]) -> None:
        added = list(values)
        stored = self._get()
        if stored is not None:
            stored.extend(added)
        elif added:
            self._put(added)

    def update(self, values: Iterable[Any]) -> None:
        new = list(values)
        if new:
            self._put(new)
        else:
            self._remove()

    def clear(self) -> None:
        self._remove()
