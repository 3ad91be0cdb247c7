"""ValueState of a key on the heap, by the shortest way: one dict, and the backend's key."""

from __future__ import annotations

from typing import Any

from millstream.datastream.state import ValueState
from millstream.taskmanager.state.heap_table import HeapTable
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend, NoCurrentKeyError

__all__ = ["HeapValueState"]


class HeapValueState(ValueState[Any]):
    """Stores the values themselves. For state that neither expires nor belongs to a namespace."""

    __slots__ = ("_backend", "_table", "_values")

    def __init__(self, backend: KeyedStateBackend, table: HeapTable) -> None:
        self._backend = backend
        self._table = table
        self._values = table.of_namespace(None)  # stays the same dict as long as the table lives

    def value(self) -> Any:
        try:
            return self._values.get(self._backend.key)
        except NoCurrentKeyError as error:
            raise error.of_state(self._table.name) from None

    def update(self, value: Any) -> None:
        if value is None:
            self.clear()
            return
        try:
            self._values[self._backend.key] = value
        except NoCurrentKeyError as error:
            raise error.of_state(self._table.name) from None

    def clear(self) -> None:
        try:
            key = self._backend.key
            if key in self._values:  # an empty dict would pop without looking at the key
                del self._values[key]
        except NoCurrentKeyError as error:
            raise error.of_state(self._table.name) from None
