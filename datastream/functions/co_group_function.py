"""Any number of results of all records of two streams with the same key and window."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["CoGroupFunction", "RichCoGroupFunction"]


class CoGroupFunction(Function):
    """Is called once per key and window, also where only one of the streams has records."""

    @abstractmethod
    def co_group(self, first: Any, second: Any) -> Any:
        """Yield the results for two lists of records; with a third parameter there is a collector there:
        ``out.collect(result)``.
        """


class RichCoGroupFunction(RichFunction, CoGroupFunction):
    """A :class:`CoGroupFunction` that knows its runtime context."""
