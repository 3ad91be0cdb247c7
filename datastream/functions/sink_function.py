"""Sinks that are written as one call per record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = ["RichSinkFunction", "SinkContext", "SinkFunction"]


class SinkContext(ABC):
    """What a sink may ask about the record it is given. One object serves all records: do not keep it."""

    @abstractmethod
    def timestamp(self) -> int | None:
        """The record's event timestamp in ms, ``None`` if it has none."""

    @abstractmethod
    def current_processing_time(self) -> int:
        """The wall clock in ms."""

    @abstractmethod
    def current_watermark(self) -> int:
        """The event-time watermark in ms."""


class SinkFunction(Function):
    """Takes each record at the end of a stream."""

    Context = SinkContext

    @abstractmethod
    def invoke(self, value: Any, context: SinkContext) -> None:
        """Take one record."""
        raise NotImplementedError(f"{type(self).__name__} must define invoke(value, context)")

    def finish(self) -> None:  # optional hook
        """The input has ended: write what is kept. Not called after a failure, nor where the job is only stopped."""


class RichSinkFunction(RichFunction, SinkFunction):
    """A :class:`SinkFunction` that knows its runtime context."""
