"""Values by key for operators that work on whole batches themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from millstream.taskmanager.state.rocksdb.value_cache import ValueCache

__all__ = ["RocksDbTable"]


class RocksDbTable:
    """A :class:`KeyedTable` over the values that are in use."""

    __slots__ = ("_cache",)

    def __init__(self, cache: ValueCache) -> None:
        """:param cache: of live values."""
        self._cache = cache

    def load(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """See :class:`KeyedTable`. A new dict each time."""
        wanted = keys if isinstance(keys, dict) else dict.fromkeys(keys)
        self._cache.fetch_present(wanted)
        values = self._cache.values
        return {key: values[key] for key in wanted if key in values}

    def store(self, values: dict[Any, Any], keys: Iterable[Any]) -> None:
        """See :class:`KeyedTable`."""
        cache = self._cache
        cache.values.update(values)
        cache.changed.update(values)
        for key in set(keys).difference(values):
            cache.values.pop(key, None)
            cache.changed.add(key)
        if len(cache.changed) > cache.most_changed:
            cache.spill()
