"""MapState over the database, with and without a time to live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from millstream.datastream.state import MapState
from millstream.taskmanager.state.keyed_state_backend import NamespaceHolder
from millstream.taskmanager.state.rocksdb.map_store import ABSENT, MapStore
from millstream.taskmanager.state.ttl_clock import TtlClock

__all__ = ["RocksDbMapState", "RocksDbTtlMapState"]


class RocksDbMapState(MapState[Any, Any]):
    """Gives copies of its values."""

    __slots__ = ("_holder", "_store")

    def __init__(self, store: MapStore, holder: NamespaceHolder | None) -> None:
        self._store = store
        self._holder = holder

    def get(self, key: Any) -> Any:
        found = self._store.get(self._holder, key)
        return None if found is ABSENT else found

    def put(self, key: Any, value: Any) -> None:
        self._store.put(self._holder, key, value)

    def put_all(self, dict_value: Mapping[Any, Any]) -> None:
        for key, value in dict(dict_value).items():
            self._store.put(self._holder, key, value)

    def remove(self, key: Any) -> None:
        self._store.remove(self._holder, key)

    def contains(self, key: Any) -> bool:
        return self._store.get(self._holder, key) is not ABSENT

    def items(self) -> Iterator[tuple[Any, Any]]:
        return self._store.items(self._holder)

    def keys(self) -> Iterator[Any]:
        return (key for key, _ in self._store.items(self._holder))

    def values(self) -> Iterator[Any]:
        return (value for _, value in self._store.items(self._holder))

    def is_empty(self) -> bool:
        return self._store.is_empty(self._holder)

    def clear(self) -> None:
        self._store.clear(self._holder)


class RocksDbTtlMapState(MapState[Any, Any]):
    """Its values are pairs of value and time stamp, which expire one by one."""

    __slots__ = ("_clock", "_holder", "_store")

    def __init__(self, store: MapStore, holder: NamespaceHolder | None, clock: TtlClock) -> None:
        self._store = store
        self._holder = holder
        self._clock = clock

    def get(self, key: Any) -> Any:
        found = self._find(key)
        return None if found is None else found[0]

    def contains(self, key: Any) -> bool:
        return self._find(key) is not None

    def put(self, key: Any, value: Any) -> None:
        self._store.put(self._holder, key, (value, self._clock.now()))

    def put_all(self, dict_value: Mapping[Any, Any]) -> None:
        now = self._clock.now()
        for key, value in dict(dict_value).items():
            self._store.put(self._holder, key, (value, now))

    def remove(self, key: Any) -> None:
        self._store.remove(self._holder, key)

    def items(self) -> Iterator[tuple[Any, Any]]:
        return iter([(key, pair[0]) for key, pair in self._visible()])

    def keys(self) -> Iterator[Any]:
        return iter([key for key, _ in self._visible()])

    def values(self) -> Iterator[Any]:
        return iter([pair[0] for _, pair in self._visible()])

    def is_empty(self) -> bool:
        return not self._visible()

    def clear(self) -> None:
        self._store.clear(self._holder)

    def _find(self, key: Any) -> tuple[Any, int] | None:
        found: tuple[Any, int] | None = self._store.get(self._holder, key)
        if found is ABSENT or found is None:
            return None
        if found[1] <= self._clock.horizon():
            self._store.remove(self._holder, key)
            return found if self._clock.shows_expired else None
        if self._clock.refreshes_on_read:
            self._store.put(self._holder, key, (found[0], self._clock.now()))
        return found

    def _visible(self) -> list[tuple[Any, tuple[Any, int]]]:
        pairs = list(self._store.items(self._holder))
        horizon = self._clock.horizon()
        live = []
        for item in pairs:
            if item[1][1] > horizon:
                live.append(item)
                if self._clock.refreshes_on_read:
                    self._store.put(self._holder, item[0], (item[1][0], self._clock.now()))
            else:
                self._store.remove(self._holder, item[0])
        return pairs if self._clock.shows_expired else live
