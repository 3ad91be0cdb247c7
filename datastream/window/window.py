"""A finite part of a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["Window"]


class Window(ABC):
    """Elements that are evaluated together.

    Windows are told apart by ``==`` and ``hash``, are kept in dictionaries and in checkpoints: they have to be
    hashable, picklable and never change.
    """

    __slots__ = ()

    @abstractmethod
    def max_timestamp(self) -> int:
        """The largest timestamp (ms) that belongs to the window. When time is past it, the window is complete."""
