"""Windows that are counted, not timed."""

from __future__ import annotations

from millstream.common.records import MAX_TIMESTAMP
from millstream.datastream.window.window import Window

__all__ = ["CountWindow"]


class CountWindow(Window):
    """A key's window of a number.

    :ivar id: counts the windows of a key from 0.
    """

    __slots__ = ("id",)

    def __init__(self, id: int) -> None:  # noqa: A002  # the name that programs know
        self.id = id

    def max_timestamp(self) -> int:
        return MAX_TIMESTAMP

    def __eq__(self, other: object) -> bool:
        if type(other) is not CountWindow:
            return NotImplemented
        return self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce__(self) -> tuple[type[CountWindow], tuple[int]]:
        return CountWindow, (self.id,)

    def __repr__(self) -> str:
        return f"CountWindow(id={self.id})"
