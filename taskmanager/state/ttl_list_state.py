"""ListState whose elements expire one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from millstream.datastream.state import ListState
from millstream.taskmanager.state.heap_cell import HeapCell
from millstream.taskmanager.state.ttl_clock import TtlClock

__all__ = ["TtlListState", "trim_list"]


class TtlListState(ListState[Any]):
    """Stores a list of pairs of element and time stamp."""

    __slots__ = ("_cell", "_clock")

    def __init__(self, cell: HeapCell, clock: TtlClock) -> None:
        self._cell = cell
        self._clock = clock

    def get(self) -> list[Any]:
        stored = self._cell.get()
        if stored is None:
            return []
        horizon = self._clock.horizon()
        live = [pair for pair in stored if pair[1] > horizon]
        seen = [pair[0] for pair in (stored if self._clock.shows_expired else live)]
        if not live:
            self._cell.remove()
        elif self._clock.refreshes_on_read:
            now = self._clock.now()
            self._cell.put([(pair[0], now) for pair in live])
        elif len(live) < len(stored):
            self._cell.put(live)
        return seen

    def add(self, value: Any) -> None:
        self.add_all((value,))

    def add_all(self, values: Iterable[Any]) -> None:
        now = self._clock.now()
        added = [(value, now) for value in values]
        stored = self._cell.get()
        if stored is not None:
            stored.extend(added)
        elif added:
            self._cell.put(added)

    def update(self, values: Iterable[Any]) -> None:
        now = self._clock.now()
        new = [(value, now) for value in values]
        if new:
            self._cell.put(new)
        else:
            self._cell.remove()

    def clear(self) -> None:
        self._cell.remove()


def trim_list(stored: Any, horizon: int) -> Any:
    """What is left of a list of stamped elements; ``None``: nothing."""
    live = [pair for pair in stored if pair[1] > horizon]
    return stored if len(live) == len(stored) else live or None
