"""A record of one of two streams that have become one, and which of them it is from."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["TaggedUnion", "tag_first", "tag_second"]


class TaggedUnion(NamedTuple):
    """What the windows of a join hold, and what their assigner, trigger and evictor see.

    :ivar is_first: it is from the first stream.
    :ivar value: the record itself.
    """

    is_first: bool
    value: Any

    def is_one(self) -> bool:
        """Whether it is from the first stream."""
        return self.is_first

    def is_two(self) -> bool:
        """Whether it is from the second stream."""
        return not self.is_first

    def get_one(self) -> Any:
        """The record if it is from the first stream, else ``None``."""
        return self.value if self.is_first else None

    def get_two(self) -> Any:
        """The record if it is from the second stream, else ``None``."""
        return None if self.is_first else self.value


def tag_first(value: Any) -> TaggedUnion:
    """A record of the first stream."""
    return TaggedUnion(True, value)


def tag_second(value: Any) -> TaggedUnion:
    """A record of the second stream."""
    return TaggedUnion(False, value)
