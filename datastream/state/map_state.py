"""A map per key."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from millstream.datastream.state.state import State

__all__ = ["MapState"]

K = TypeVar("K")
V = TypeVar("V")


class MapState(State, Generic[K, V]):
    """A map per key. Iterating goes over what is there at that moment, so that the map may change meanwhile."""

    @abstractmethod
    def get(self, key: K) -> V:
        """The value of ``key``, ``None`` if there is none."""

    @abstractmethod
    def put(self, key: K, value: V) -> None:
        """Set the value of ``key``."""

    @abstractmethod
    def put_all(self, dict_value: dict[K, V]) -> None:
        """Set the values of several keys."""

    @abstractmethod
    def remove(self, key: K) -> None:
        """Remove ``key``; nothing if it is not there."""

    @abstractmethod
    def contains(self, key: K) -> bool:
        """Whether there is a value of ``key``."""

    @abstractmethod
    def items(self) -> Iterable[tuple[K, V]]:
        """All pairs."""

    @abstractmethod
    def keys(self) -> Iterable[K]:
        """All keys."""

    @abstractmethod
    def values(self) -> Iterable[V]:
        """All values."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether there is no pair."""

    def __getitem__(self, key: K) -> V:
        return self.get(key)

    def __setitem__(self, key: K, value: V) -> None:
        self.put(key, value)

    def __delitem__(self, key: K) -> None:
        self.remove(key)

    def __contains__(self, key: K) -> bool:
        return self.contains(key)

    def __iter__(self) -> Iterator[K]:
        return iter(self.keys())
