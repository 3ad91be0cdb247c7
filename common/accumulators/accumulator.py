"""What is added to in many tasks, and merged."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

__all__ = ["Accumulator"]

V = TypeVar("V")
R = TypeVar("R")
A = TypeVar("A", bound="Accumulator[object, object]")


class Accumulator(ABC, Generic[V, R]):
    """Takes values of type ``V`` and makes a result of type ``R`` of them.

    One of your own is sent pickled from each task to the program that runs the job, which merges them. In which order
    is not defined: ``merge`` has to give the same in any, and merging with a new accumulator has to change nothing.
    """

    @abstractmethod
    def add(self, value: V) -> None:
        """Take one more value."""

    @abstractmethod
    def get_local_value(self) -> R:
        """The result of what was added here so far."""

    @abstractmethod
    def reset_local(self) -> None:
        """Forget everything."""

    @abstractmethod
    def merge(self: A, other: A) -> None:
        """Take everything that was added to ``other``, which is of the same class and stays as it is."""

    def clone(self: A) -> A:
        """Another one with the same contents."""
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.get_local_value()}"
