"""Folds records into an accumulator, from which a result can be taken at any time."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function

__all__ = ["AggregateFunction"]


class AggregateFunction(Function):
    """Aggregates step by step: only the accumulator is kept, not the records.

    Used by windows (``aggregate``) and by aggregating state. It may not use keyed state itself.
    """

    @abstractmethod
    def create_accumulator(self) -> Any:
        """Return a new accumulator, of no record yet."""
        raise NotImplementedError(f"{type(self).__name__} must define create_accumulator()")

    @abstractmethod
    def add(self, value: Any, accumulator: Any) -> Any:
        """Return the accumulator with ``value`` added; it may be the same object, changed."""
        raise NotImplementedError(f"{type(self).__name__} must define add(value, accumulator)")

    @abstractmethod
    def get_result(self, accumulator: Any) -> Any:
        """Return the result so far. The accumulator may go on growing afterwards."""
        raise NotImplementedError(f"{type(self).__name__} must define get_result(accumulator)")

    @abstractmethod
    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        """Return one accumulator of all that went into two; they are not used again.

        Called only where windows (or their state) merge.
        """
        raise NotImplementedError(f"{type(self).__name__} must define merge(acc_a, acc_b)")
