"""A value of one of two types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Either", "Left", "Right"]


class Either:
    """A :class:`Left` or a :class:`Right`."""

    __slots__ = ()

    value: Any

    @staticmethod
    def left(value: Any) -> Left:
        return Left(value)

    @staticmethod
    def right(value: Any) -> Right:
        return Right(value)

    @property
    def is_left(self) -> bool:
        return isinstance(self, Left)

    @property
    def is_right(self) -> bool:
        return isinstance(self, Right)


@dataclass(frozen=True, repr=False)
class Left(Either):
    """A value of the first type."""

    __slots__ = ("value",)

    value: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return Left, (self.value,)

    def __repr__(self) -> str:
        return f"Left({self.value!r})"

    def __str__(self) -> str:
        return f"Left({self.value})"


@dataclass(frozen=True, repr=False)
class Right(Either):
    """A value of the second type."""

    __slots__ = ("value",)

    value: Any

    def __reduce__(self) -> tuple[Any, ...]:
        return Right, (self.value,)

    def __repr__(self) -> str:
        return f"Right({self.value!r})"

    def __str__(self) -> str:
        return f"Right({self.value})"
