"""The one window that has everything in it."""

from __future__ import annotations

from millstream.common.records import MAX_TIMESTAMP
from millstream.datastream.window.window import Window

__all__ = ["GlobalWindow"]


class GlobalWindow(Window):
    """All elements of a key; it never ends. All objects of the class are the same window."""

    __slots__ = ()

    @staticmethod
    def get() -> GlobalWindow:
        """Return the window."""
        return _THE_WINDOW

    def max_timestamp(self) -> int:
        return MAX_TIMESTAMP

    def __eq__(self, other: object) -> bool:
        return type(other) is GlobalWindow or NotImplemented

    def __hash__(self) -> int:
        return 0

    def __reduce__(self) -> tuple[type[GlobalWindow], tuple[()]]:
        return GlobalWindow, ()

    def __repr__(self) -> str:
        return "GlobalWindow"


_THE_WINDOW = GlobalWindow()
