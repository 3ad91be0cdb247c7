"""Serializers of single values, to and from a stream of bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import BinaryIO, Generic, TypeVar

__all__ = ["TypeSerializer"]

T = TypeVar("T")


class TypeSerializer(ABC, Generic[T]):
    """Writes and reads the values of one type."""

    @abstractmethod
    def serialize(self, element: T, stream: BinaryIO) -> None:
        """Write a value."""

    @abstractmethod
    def deserialize(self, stream: BinaryIO) -> T:
        """Read a value."""
