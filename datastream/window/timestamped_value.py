"""An element as evictors see it."""

from __future__ import annotations

from typing import Any

__all__ = ["TimestampedValue"]


class TimestampedValue:
    """An element and its timestamp. Each is equal to itself only: two elements with the same value stay two.

    :ivar value: the element.
    :ivar timestamp: ms; ``None``: it has none.
    """

    __slots__ = ("timestamp", "value")

    def __init__(self, value: Any, timestamp: int | None = None) -> None:
        self.value = value
        self.timestamp = timestamp

    def get_value(self) -> Any:
        """The element."""
        return self.value

    def get_timestamp(self) -> int | None:
        """Its timestamp, ms."""
        return self.timestamp

    def has_timestamp(self) -> bool:
        """Whether it has a timestamp."""
        return self.timestamp is not None

    def __repr__(self) -> str:
        return f"TimestampedValue({self.value!r}, {self.timestamp})"
