"""The smallest and the largest of the numbers that were added."""

from __future__ import annotations

from abc import abstractmethod
from operator import index
from typing import ClassVar

from millstream.common.accumulators.accumulator import Accumulator

__all__ = [
    "DoubleExtreme",
    "DoubleMaximum",
    "DoubleMinimum",
    "IntMaximum",
    "IntMinimum",
    "LongMaximum",
    "LongMinimum",
    "WholeExtreme",
]


class WholeExtreme(Accumulator[int, int]):
    """The smallest or the largest whole number.

    :cvar OF_NOTHING: the result before anything was added; Flink's.
    :ivar found: the one of those that were added; ``None``: none was.
    """

    __slots__ = ("found",)

    OF_NOTHING: ClassVar[int]

    def __init__(self, value: int | None = None) -> None:
        self.found = None if value is None else index(value)

    @abstractmethod
    def add(self, value: int) -> None:
        """:raises TypeError: it is not a whole number."""

    def get_local_value(self) -> int:
        return self.OF_NOTHING if self.found is None else self.found

    def reset_local(self) -> None:
        self.found = None

    def merge(self, other: WholeExtreme) -> None:
        if other.found is not None:
            self.add(other.found)


class _WholeMinimum(WholeExtreme):
    __slots__ = ()

    def add(self, value: int) -> None:
        number = index(value)
        if self.found is None or number < self.found:
            self.found = number


class _WholeMaximum(WholeExtreme):
    __slots__ = ()

    def add(self, value: int) -> None:
        number = index(value)
        if self.found is None or number > self.found:
            self.found = number


class IntMinimum(_WholeMinimum):
    """The smallest whole number."""

    __slots__ = ()
    OF_NOTHING = 2**31 - 1


class IntMaximum(_WholeMaximum):
    """The largest whole number."""

    __slots__ = ()
    OF_NOTHING = -(2**31)


class LongMinimum(_WholeMinimum):
    """The smallest whole number."""

    __slots__ = ()
    OF_NOTHING = 2**63 - 1


class LongMaximum(_WholeMaximum):
    """The largest whole number."""

    __slots__ = ()
    OF_NOTHING = -(2**63)


class DoubleExtreme(Accumulator[float, float]):
    """The smallest or the largest floating-point number; NaN as soon as one was added.

    :cvar OF_NOTHING: the result before anything was added.
    """

    __slots__ = ("_found",)

    OF_NOTHING: ClassVar[float]

    def __init__(self, value: float | None = None) -> None:
        self._found = self.OF_NOTHING if value is None else float(value)

    def get_local_value(self) -> float:
        return self._found

    def reset_local(self) -> None:
        self._found = self.OF_NOTHING

    def merge(self, other: DoubleExtreme) -> None:
        self.add(other._found)


class DoubleMinimum(DoubleExtreme):
    """The smallest floating-point number."""

    __slots__ = ()
    OF_NOTHING = float("inf")

    def add(self, value: float) -> None:
        number = float(value)
        if number < self._found or number != number:
            self._found = number


class DoubleMaximum(DoubleExtreme):
    """The largest floating-point number."""

    __slots__ = ()
    OF_NOTHING = float("-inf")

    def add(self, value: float) -> None:
        number = float(value)
        if number > self._found or number != number:
            self._found = number
