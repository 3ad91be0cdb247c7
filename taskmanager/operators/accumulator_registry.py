"""The accumulators that the functions of one operator have registered in one task."""

from __future__ import annotations

from typing import Any

from millstream.common.accumulators import Accumulator
from millstream.common.errors import MillstreamError

__all__ = ["AccumulatorRegistry"]


class AccumulatorRegistry:
    """By name, in the order in which they came. Operators that are chained have one each: whether they run in one task
    changes nothing for who writes the functions.

    :ivar operator_name: whose functions these are.
    """

    __slots__ = ("_by_name", "operator_name")

    def __init__(self, operator_name: str = "") -> None:
        self.operator_name = operator_name
        self._by_name: dict[str, Accumulator[Any, Any]] = {}

    def add(self, name: str, accumulator: Accumulator[Any, Any]) -> None:
        """Register one.

        :raises TypeError: it is no accumulator, or the name is none.
        :raises MillstreamError: there is one of this name.
        """
        if not isinstance(name, str) or not name:
            raise TypeError(f"the name of an accumulator is a text of at least one character, not {name!r}")
        if not isinstance(accumulator, Accumulator):
            raise TypeError(
                f"accumulator {name!r} of operator {self.operator_name!r} has to be an Accumulator "
                f"(millstream.common.accumulators), not {accumulator!r}"
            )
        if name in self._by_name:
            raise MillstreamError(
                f"The accumulator {name!r} already exists in operator {self.operator_name!r} and cannot be added; "
                "get_accumulator() gives the one that is there"
            )
        self._by_name[name] = accumulator

    def get(self, name: str) -> Accumulator[Any, Any] | None:
        """Return the one of this name."""
        return self._by_name.get(name)

    def items(self) -> list[tuple[str, Accumulator[Any, Any]]]:
        """All, as they are now: a source may register more from its own thread."""
        return list(self._by_name.copy().items())

    def __bool__(self) -> bool:
        return bool(self._by_name)
