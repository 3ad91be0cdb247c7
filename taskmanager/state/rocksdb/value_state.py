"""ValueState of a key, by the shortest way: the cache's dict, and the backend's key."""

from __future__ import annotations

from typing import Any

from millstream.datastream.state import ValueState
from millstream.taskmanager.state.heap_cell import HeapCell
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend, NamespaceHolder, NoCurrentKeyError
from millstream.taskmanager.state.rocksdb.stored_value import NUMBERS, Pickled, thaw
from millstream.taskmanager.state.rocksdb.value_cache import ValueCache
from millstream.taskmanager.state.state_pickle import load_state

__all__ = ["RocksDbValueState", "key_cell", "namespace_cell"]


class RocksDbValueState(ValueState[Any]):
    """For state that neither expires nor belongs to a namespace."""

    __slots__ = ("_backend", "_cache", "_values")

    def __init__(self, backend: KeyedStateBackend, cache: ValueCache) -> None:
        self._backend = backend
        self._cache = cache
        self._values = cache.values  # always the same dict

    def value(self) -> Any:
        try:
            stored = self._values[self._backend.key]
        except KeyError:
            stored = self._cache.load(self._backend.key)
        except NoCurrentKeyError as error:
            raise error.of_state(self._cache.name) from None
        return load_state(stored) if type(stored) is Pickled else stored

    def update(self, value: Any) -> None:
        if type(value) in NUMBERS:
            self._cache.put_number(self._backend.key, value)
        elif value is None:
            self.clear()
        else:
            self._cache.put(self._backend.key, value)

    def clear(self) -> None:
        try:
            self._cache.remove(self._backend.key)
        except NoCurrentKeyError as error:
            raise error.of_state(self._cache.name) from None


def key_cell(backend: KeyedStateBackend, cache: ValueCache) -> HeapCell:
    """The cell of a state that belongs to the key as such."""
    state = RocksDbValueState(backend, cache)
    return HeapCell(state.value, state.update, state.clear)


def namespace_cell(
    backend: KeyedStateBackend, cache: ValueCache, of_keys: ValueCache, holder: NamespaceHolder
) -> HeapCell:
    """The cell of a state that belongs to the key and the holder's namespace.

    :param cache: by key and namespace.
    :param of_keys: by key: for the namespace ``None``.
    """

    def get() -> Any:
        try:
            if holder.current is None:
                found, place = of_keys, backend.key
            else:
                found, place = cache, (backend.key, holder.current)
            stored = found.values[place] if place in found.values else found.load(place)
        except NoCurrentKeyError as error:
            raise error.of_state(cache.name) from None
        return thaw(stored)

    def put(value: Any) -> None:
        if holder.current is None:
            of_keys.put(backend.key, value)
        else:
            cache.put((backend.key, holder.current), value)

    def remove() -> None:
        try:
            if holder.current is None:
                of_keys.remove(backend.key)
            else:
                cache.remove((backend.key, holder.current))
        except NoCurrentKeyError as error:
            raise error.of_state(cache.name) from None

    return HeapCell(get, put, remove)
