"""One state of an operator on the heap: for each namespace a dict from key to value."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

__all__ = ["HeapTable"]


class HeapTable:
    """Values by namespace, then by key.

    The namespace of state that belongs to a key as such is ``None``; that of window state is the window. Operators
    that know their backend may work on the dicts directly; a namespace without keys is to be removed.

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
