"""MapState whose entries expire one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from millstream.datastream.state import MapState
from millstream.taskmanager.state.heap_cell import HeapCell
from millstream.taskmanager.state.ttl_clock import TtlClock

__all__ = ["TtlMapState", "trim_map"]


class TtlMapState(MapState[Any, Any]):
    """Stores a dict of pairs of value and time stamp."""

    __slots__ = ("_cell", "_clock")

    def __init__(self, cell: HeapCell, clock: TtlClock) -> None:
        self._cell = cell
        self._clock = clock

    def get(self, key: Any) -> Any:
        found = self._find(key)
        return None if found is None else found[0]

    def contains(self, key: Any) -> bool:
        return self._find(key) is not None

    def put(self, key: Any, value: Any) -> None:
        self.put_all({key: value})

    def put_all(self, dict_value: Mapping[Any, Any]) -> None:
        now = self._clock.now()
        added = {key: (value, now) for key, value in dict(dict_value).items()}  # or pairs, as in PyFlink
        stored = self._cell.get()
        if stored is not None:
            stored.update(added)
        elif added:
            self._cell.put(added)

    def remove(self, key: Any) -> None:
        stored = self._cell.get()
        if stored is not None:
            self._drop(stored, key)

    def items(self) -> Iterator[tuple[Any, Any]]:
        return iter([(key, pair[0]) for key, pair in self._visible()])

    def keys(self) -> Iterator[Any]:
        return iter([key for key, _ in self._visible()])

    def values(self) -> Iterator[Any]:
        return iter([pair[0] for _, pair in self._visible()])

    def is_empty(self) -> bool:
        return not self._visible()

    def clear(self) -> None:
        self._cell.remove()

    def _find(self, key: Any) -> tuple[Any, int] | None:
        stored = self._cell.get()
        found: tuple[Any, int] | None = None if stored is None else stored.get(key)
        if found is None:
            return None
        if found[1] <= self._clock.horizon():
            self._drop(stored, key)
            return found if self._clock.shows_expired else None
        if self._clock.refreshes_on_read:
            stored[key] = (found[0], self._clock.now())
        return found

    def _visible(self) -> list[tuple[Any, tuple[Any, int]]]:
        stored = self._cell.get()
        if stored is None:
            return []
        horizon = self._clock.horizon()
        pairs = list(stored.items())
        live = [item for item in pairs if item[1][1] > horizon]
        if not live:
            self._cell.remove()
        elif self._clock.refreshes_on_read:
            now = self._clock.now()
            self._cell.put({key: (pair[0], now) for key, pair in live})
        elif len(live) < len(pairs):
            self._cell.put(dict(live))
        return pairs if self._clock.shows_expired else live

    def _drop(self, stored: dict[Any, Any], key: Any) -> None:
        stored.pop(key, None)
        if not stored:
            self._cell.remove()


def trim_map(stored: Any, horizon: int) -> Any:
    """What is left of a dict of stamped values; ``None``: nothing."""
    live = {key: pair for key, pair in stored.items() if pair[1] > horizon}
    return stored if len(live) == len(stored) else live or None
