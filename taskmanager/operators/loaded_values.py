"""A table of values by key as an operator works on it: a dict, whatever the state backend.

With a backend in memory the dict is the table. With any other it has the values of the keys of the batch that is being
processed, and those of others as it happens: they are fetched before it, and kept after it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from millstream.taskmanager.operators.batch_sizer import MAX_BATCH_RECORDS
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend

__all__ = ["LoadedValues"]


class LoadedValues:
    """The values of one table of an operator.

    :ivar by_key: always the same dict, which generated loops may hold.
    :ivar in_memory: the dict has the values of all keys at all times: nothing needs to be fetched or kept.
    """

    __slots__ = ("_backend", "_name", "_table", "by_key", "in_memory")

    def __init__(self, backend: KeyedStateBackend, name: str) -> None:
        self._backend = backend
        self._name = name
        self._table = backend.value_table(name)
        self.in_memory = backend.in_memory
        self.by_key: dict[Any, Any] = self._table.load(())

    def fetch(self, keys: Collection[Any]) -> None:
        """Get the values of these keys into the dict. Only without a backend in memory."""
        self._table.load(keys)

    def keep(self, keys: Collection[Any]) -> None:
        """Store what the dict says of these keys, which were fetched. Only without a backend in memory."""
        self._table.store(keys)

    def pieces(self) -> Iterator[dict[Any, Any]]:
        """The values of all keys, in dicts of a bounded size if they are not in memory."""
        if self.in_memory:
            yield self.by_key
            return
        keys = self._backend.keys(self._name)
        for start in range(0, len(keys), MAX_BATCH_RECORDS):
            some = keys[start : start + MAX_BATCH_RECORDS]
            self._table.load(some)
            yield {key: self.by_key[key] for key in some}

    def clear(self) -> None:
        """Remove the values of all keys."""
        if self.in_memory:
            self.by_key.clear()
            return
        keys = self._backend.keys(self._name)
        for start in range(0, len(keys), MAX_BATCH_RECORDS):
            some = keys[start : start + MAX_BATCH_RECORDS]
            for key in some:
                self.by_key.pop(key, None)
            self._table.store(some)
