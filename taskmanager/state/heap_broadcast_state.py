"""Broadcast state on the heap: one dict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from millstream.datastream.state import BroadcastState

__all__ = ["HeapBroadcastState"]


class HeapBroadcastState(BroadcastState[Any, Any]):
    """A dict. Iterating goes over what is there at that moment, so that it may change meanwhile."""

    __slots__ = ("_map",)

    def __init__(self, map_: dict[Any, Any]) -> None:
        self._map = map_

    def get(self, key: Any) -> Any:
        return self._map.get(key)

    def contains(self, key: Any) -> bool:
        return key in self._map

    def items(self) -> Iterable[tuple[Any, Any]]:
        return list(self._map.items())

    def keys(self) -> Iterable[Any]:
        return list(self._map)

    def values(self) -> Iterable[Any]:
        return list(self._map.values())

    def is_empty(self) -> bool:
        return not self._map

    def put(self, key: Any, value: Any) -> None:
        self._map[key] = value

    def put_all(self, dict_value: dict[Any, Any]) -> None:
        self._map.update(dict_value)

    def remove(self, key: Any) -> None:
        self._map.pop(key, None)

    def clear(self) -> None:
        self._map.clear()
