"""The type of the elements in windows, for type checkers: any objects, unless a program says which."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["T"]

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import TypeVar

    T = TypeVar("T", default=Any)
else:
    from typing import TypeVar

    T = TypeVar("T")
