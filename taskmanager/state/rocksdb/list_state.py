"""ListState over the database, with and without a time to live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from millstream.datastream.state import ListState
from millstream.taskmanager.state.keyed_state_backend import NamespaceHolder
from millstream.taskmanager.state.rocksdb.list_store import ListStore
from millstream.taskmanager.state.ttl_clock import TtlClock

__all__ = ["RocksDbListState", "RocksDbTtlListState"]


class RocksDbListState(ListState[Any]):
    """Gives copies of its elements."""

    __slots__ = ("_holder", "_store")

    def __init__(self, store: ListStore, holder: NamespaceHolder | None) -> None:
        self._store = store
        self._holder = holder

    def get(self) -> list[Any]:
        return self._store.get(self._store.place(self._holder))

    def add(self, value: Any) -> None:
        self.add_all([value])

    def add_all(self, values: Iterable[Any]) -> None:
        place = self._store.place(self._holder)
        self._store.append(place, self._store.encode(place, values))

    def update(self, values: Iterable[Any]) -> None:
        place = self._store.place(self._holder)
        self._store.replace(place, self._store.encode(place, values))

    def clear(self) -> None:
        self.update(())


class RocksDbTtlListState(ListState[Any]):
    """Its elements are pairs of element and time stamp, which expire one by one."""

    __slots__ = ("_clock", "_holder", "_store")

    def __init__(self, store: ListStore, holder: NamespaceHolder | None, clock: TtlClock) -> None:
        self._store = store
        self._holder = holder
        self._clock = clock

    def get(self) -> list[Any]:
        place = self._store.place(self._holder)
        pairs = self._store.get(place)
        horizon = self._clock.horizon()
        live = [pair for pair in pairs if pair[1] > horizon]
        if self._clock.refreshes_on_read and live:
            now = self._clock.now()
            self._store.replace(place, self._store.encode(place, [(pair[0], now) for pair in live]))
        elif len(live) < len(pairs):
            self._store.replace(place, self._store.encode(place, live))
        return [pair[0] for pair in (pairs if self._clock.shows_expired else live)]

    def add(self, value: Any) -> None:
        self.add_all((value,))

    def add_all(self, values: Iterable[Any]) -> None:
        place = self._store.place(self._holder)
        self._store.append(place, self._stamped(place, values))

    def update(self, values: Iterable[Any]) -> None:
        place = self._store.place(self._holder)
        self._store.replace(place, self._stamped(place, values))

    def clear(self) -> None:
        self.update(())

    def _stamped(self, place: Any, values: Iterable[Any]) -> list[bytes]:
        now = self._clock.now()
        return self._store.encode(place, [(value, now) for value in values])
