"""One value per key."""

from __future__ import annotations

from abc import abstractmethod
from typing import Generic, TypeVar

from millstream.datastream.state.state import State

__all__ = ["ValueState"]

T = TypeVar("T")


class ValueState(State, Generic[T]):
    """One value per key."""

    @abstractmethod
    def value(self) -> T:
        """The value of the current key, ``None`` if it has none."""

    @abstractmethod
    def update(self, value: T) -> None:
        """Set the value of the current key; ``None`` clears it."""
