"""One state of an operator on the heap: for each namespace a dict from key to value."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

__all__ = ["HeapTable"]


class HeapTable:
    """Values by namespace, then by key.

    The namespace of state that belongs to a key as such is ``None``; that of window state is the window. Operators
    that know their backend may work on the dicts directly; a namespace without keys is to be removed, ``None``
    excepted: its dict, once there, stays the same for as long as the table lives.

    :ivar namespaces: the values.
    :ivar name: unique in the operator.
    """

    __slots__ = ("name", "namespaces")

    def __init__(self, name: str) -> None:
        self.name = name
        self.namespaces: dict[Hashable, dict[Any, Any]] = {}

    def of_namespace(self, namespace: Hashable = None) -> dict[Any, Any]:
        """Return the values of a namespace by key, a new dict if there is none."""
        values = self.namespaces.get(namespace)
        if values is None:
            values = self.namespaces[namespace] = {}
        return values

    def remove(self, namespace: Hashable, key: Any) -> None:
        """Remove the value of a key; nothing if there is none."""
        values = self.namespaces.get(namespace)
        if values is not None:
            values.pop(key, None)
            if not values and namespace is not None:
                del self.namespaces[namespace]

    def trim(self, namespace: Hashable, key: Any, trim: Callable[[Any, int], Any], horizon: int) -> None:
        """Replace a value by what ``trim(value, horizon)`` leaves of it; ``None``: nothing."""
        values = self.namespaces.get(namespace)
        stored = None if values is None else values.get(key)
        if values is None or stored is None:
            return
        left = trim(stored, horizon)
        if left is None:
            self.remove(namespace, key)
        elif left is not stored:
            values[key] = left

    def clear(self) -> None:
        """Remove all values."""
        of_keys = self.namespaces.get(None)
        self.namespaces.clear()
        if of_keys is not None:
            of_keys.clear()
            self.namespaces[None] = of_keys

    def load(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """See :class:`KeyedTable`."""
        return self.of_namespace(None)

    def store(self, keys: Iterable[Any]) -> None:
        """See :class:`KeyedTable`: there is nothing to do."""
