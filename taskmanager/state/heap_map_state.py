"""MapState on the heap: a dict per key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from millstream.datastream.state import MapState
from millstream.taskmanager.state.heap_cell import HeapCell

__all__ = ["HeapMapState"]


class HeapMapState(MapState[Any, Any]):
    """Stores a dict that is never empty."""

    __slots__ = ("_get", "_put", "_remove")

    def __init__(self, cell: HeapCell) -> None:
        self._get = cell.get
        self._put = cell.put
        self._remove = cell.remove

    def get(self, key: Any) -> Any:
        stored = self._get()
        return None if stored is None else stored.get(key)

    def put(self, key: Any, value: Any) -> None:
        stored = self._get()
        if stored is None:
            self._put({key: value})
        else:
            stored[key] = value

    def put_all(self, dict_value: Mapping[Any, Any]) -> None:
        added = dict(dict_value)
        stored = self._get()
        if stored is not None:
            stored.update(added)
        elif added:
            self._put(added)

    def remove(self, key: Any) -> None:
        stored = self._get()
        if stored is not None:
            stored.pop(key, None)
            if not stored:
                self._remove()

    def contains(self, key: Any) -> bool:
        stored = self._get()
        return stored is not None and key in stored

    def items(self) -> Iterator[tuple[Any, Any]]:
        stored = self._get()
        return iter(() if stored is None else list(stored.items()))

    def keys(self) -> Iterator[Any]:
        stored = self._get()
        return iter(() if stored is None else list(stored))

    def values(self) -> Iterator[Any]:
        stored = self._get()
        return iter(() if stored is None else list(stored.values()))

    def is_empty(self) -> bool:
        return self._get() is None

    def clear(self) -> None:
        self._remove()
