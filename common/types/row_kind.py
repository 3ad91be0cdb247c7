"""What a row says about the table it changes."""

from __future__ import annotations

from enum import Enum

__all__ = ["RowKind"]


class RowKind(Enum):
    """The kind of a change."""

    INSERT = 0
    UPDATE_BEFORE = 1
    UPDATE_AFTER = 2
    DELETE = 3

    @property
    def short_string(self) -> str:
        """``+I``, ``-U``, ``+U`` or ``-D``, as it is printed before a row."""
        return _SHORT[self.value]

    def __str__(self) -> str:
        return self.short_string


_SHORT = ("+I", "-U", "+U", "-D")
