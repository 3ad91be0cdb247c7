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
        """See :class:`KeyedTable`."""
        self._cache.fetch_present(keys)
        return self._cache.values

    def store(self, keys: Iterable[Any]) -> None:
        """See :class:`KeyedTable`."""
        cache = self._cache
        cache.changed.update(keys)
        if len(cache.changed) > cache.most_changed:
            cache.spill()
