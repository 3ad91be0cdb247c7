"""Which outputs of a split stream a record goes to."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from millstream.datastream.functions.function import Function

__all__ = ["OutputSelector"]


class OutputSelector(Function):
    """Names each record's outputs."""

    @abstractmethod
    def select(self, value: Any) -> Iterable[str]:
        """Return the names of the outputs that a record goes to; none: it goes nowhere."""
