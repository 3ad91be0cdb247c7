"""A map that every subtask has the same of, filled by a broadcast stream."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from millstream.datastream.state.state import State

__all__ = ["BroadcastState", "ReadOnlyBroadcastState"]

K = TypeVar("K")
V = TypeVar("V")


class ReadOnlyBroadcastState(State, Generic[K, V]):
    """The broadcast state as the other stream's records see it. What it returns must not be changed."""

    @abstractmethod
    def get(self, key: K) -> V:
        """The value of ``key``, ``None`` if there is none."""

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

    def __contains__(self, key: K) -> bool:
        return self.contains(key)

    def __iter__(self) -> Iterator[K]:
        return iter(self.keys())


class BroadcastState(ReadOnlyBroadcastState[K, V]):
    """The broadcast state as the broadcast stream's records see it.

    Every subtask gets all broadcast records and has to do the same with them, whatever their order: each has a copy of
    the state, and after a restart one may go on with another's.
    """

    @abstractmethod
    def put(self, key: K, value: V) -> None:
        """Set the value of ``key``."""

    @abstractmethod
    def put_all(self, dict_value: dict[K, V]) -> None:
        """Set the values of several keys."""

    @abstractmethod
    def remove(self, key: K) -> None:
        """Remove ``key``; nothing if it is not there."""

    def __setitem__(self, key: K, value: V) -> None:
        self.put(key, value)

    def __delitem__(self, key: K) -> None:
        self.remove(key)
