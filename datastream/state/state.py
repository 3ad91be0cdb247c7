"""What all kinds of state have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

__all__ = ["AppendingState", "MergingState", "State"]

IN = TypeVar("IN")
OUT = TypeVar("OUT")


class State(ABC):
    """State that belongs to a key, or to an operator.

    Keyed state always means the key of the record or timer that is being processed. It can be used there only: not in
    ``open()``, where one gets the state object, and not on a stream without keys.
    """

    @abstractmethod
    def clear(self) -> None:
        """Forget what is there for the current key."""


class AppendingState(State, Generic[IN, OUT]):
    """State that values are added to."""

    @abstractmethod
    def get(self) -> OUT:
        """What has become of the values that were added."""

    @abstractmethod
    def add(self, value: IN) -> None:
        """Add a value."""


class MergingState(AppendingState[IN, OUT]):
    """State of which several can become one, as windows do that grow together."""
