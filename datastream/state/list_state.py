"""A list per key."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import TypeVar

from millstream.datastream.state.state import MergingState

__all__ = ["ListState"]

T = TypeVar("T")


class ListState(MergingState[T, Iterable[T]]):
    """A list per key. ``get()`` gives its elements as they are at that moment; there are none for a new key."""

    @abstractmethod
    def update(self, values: list[T]) -> None:
        """Replace the list; an empty one clears the state."""

    @abstractmethod
    def add_all(self, values: list[T]) -> None:
        """Append several elements."""

    def __iter__(self) -> Iterator[T]:
        return iter(self.get())
