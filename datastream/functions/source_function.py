"""Sources that are written as a loop.

A :class:`SourceFunction` may block as it likes: each subtask's ``run`` has a thread of its own and hands its records
over through the :class:`SourceContext`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any

from millstream.datastream.functions.function import Function, RichFunction

__all__ = [
    "ParallelSourceFunction",
    "RichParallelSourceFunction",
    "RichSourceFunction",
    "SourceContext",
    "SourceFunction",
]


class SourceContext(ABC):
    """What ``run`` emits through. Its methods may be called from the thread of ``run`` only."""

    @abstractmethod
    def collect(self, element: Any) -> None:
        """Emit a record without a timestamp. Waits when those downstream are slower."""

    @abstractmethod
    def collect_with_timestamp(self, element: Any, timestamp: int) -> None:
        """Emit a record with its event timestamp in ms."""

    @abstractmethod
    def emit_watermark(self, timestamp: int) -> None:
        """Say that no record with a timestamp at or below ``timestamp`` (ms) will follow."""

    @abstractmethod
    def mark_as_temporarily_idle(self) -> None:
        """Say that watermarks downstream should not wait for this source until it emits again."""

    @abstractmethod
    def get_checkpoint_lock(self) -> AbstractContextManager[Any]:
        """A lock under which no checkpoint is taken: hold it while emitting and moving one's own position."""

    @abstractmethod
    def close(self) -> None:
        """Called by the engine when the source has ended."""


class SourceFunction(Function):
    """Emits records until it is done or cancelled. Runs at parallelism 1; see :class:`ParallelSourceFunction`."""

    @abstractmethod
    def run(self, ctx: SourceContext) -> None:
        """Emit everything. The stream ends when this returns. Look for :meth:`cancel` while looping."""
        raise NotImplementedError(f"{type(self).__name__} must define run(ctx)")

    @abstractmethod
    def cancel(self) -> None:
        """Make :meth:`run` return soon. Called from another thread."""
        raise NotImplementedError(f"{type(self).__name__} must define cancel()")


class ParallelSourceFunction(SourceFunction):
    """A :class:`SourceFunction` of which several subtasks may run; each emits its own share."""


class RichSourceFunction(RichFunction, SourceFunction):
    """A :class:`SourceFunction` that knows its runtime context."""


class RichParallelSourceFunction(RichFunction, ParallelSourceFunction):
    """A :class:`ParallelSourceFunction` that knows its runtime context."""
