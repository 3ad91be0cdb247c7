"""The place where a state keeps what it stores for the current key.

Where there are namespaces, times to live or cleaning up, each is a layer of cells; the state objects above know nothing
of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from millstream.taskmanager.state.heap_table import HeapTable
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend, NamespaceHolder, NoCurrentKeyError

__all__ = ["HeapCell", "key_cell", "namespace_cell"]

_NOTHING: dict[Any, Any] = {}


@dataclass(frozen=True, slots=True)
class HeapCell:
    """Access to what is stored for the current key (and namespace).

    :ivar get: what is stored; ``None``: nothing.
    :ivar put: store something that is not ``None``.
    :ivar remove: store nothing.
    """

    get: Callable[[], Any]
    put: Callable[[Any], None]
    remove: Callable[[], None]


def key_cell(backend: KeyedStateBackend, table: HeapTable) -> HeapCell:
    """The cell of a state that belongs to the key as such."""
    values = table.of_namespace(None)  # stays the same dict as long as the table lives
    find = values.get
    pop = values.pop

    def get() -> Any:
        try:
            return find(backend.key)
        except NoCurrentKeyError as error:
            raise error.of_state(table.name) from None

    def put(stored: Any) -> None:
        try:
            values[backend.key] = stored
        except NoCurrentKeyError as error:
            raise error.of_state(table.name) from None

    def remove() -> None:
        try:
            hash(backend.key)  # an empty dict pops without looking at the key
            pop(backend.key, None)
        except NoCurrentKeyError as error:
            raise error.of_state(table.name) from None

    return HeapCell(get, put, remove)


def namespace_cell(backend: KeyedStateBackend, table: HeapTable, holder: NamespaceHolder) -> HeapCell:
    """The cell of a state that belongs to the key and the holder's namespace."""
    namespaces = table.namespaces

    def get() -> Any:
        values = namespaces.get(holder.current)
        try:
            return _NOTHING.get(backend.key) if values is None else values.get(backend.key)
        except NoCurrentKeyError as error:
            raise error.of_state(table.name) from None

    def put(stored: Any) -> None:
        try:
            table.of_namespace(holder.current)[backend.key] = stored
        except NoCurrentKeyError as error:
            raise error.of_state(table.name) from None

    def remove() -> None:
        namespace = holder.current
        values = namespaces.get(namespace)
        if values is not None:
            values.pop(backend.key, None)
            if not values and namespace is not None:
                del namespaces[namespace]

    return HeapCell(get, put, remove)
