"""The base of all function classes, with the life cycle that the engine calls."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from millstream.datastream.functions.runtime_context import RuntimeContext

__all__ = ["Function", "RichFunction"]


class Function(ABC):
    """What every user function class is.

    An instance travels to the workers pickled; each subtask has a copy of its own. What cannot be pickled
    (connections, locks, open files) is made in :meth:`open`.
    """

    def open(self, runtime_context: RuntimeContext) -> None:  # noqa: B027  # optional hook
        """Called once per subtask before the first record."""

    def close(self) -> None:  # noqa: B027  # optional hook
        """Called once per subtask after the last record, also after a failure."""


class RichFunction(Function):
    """A function that remembers its :class:`RuntimeContext`, as Flink's rich functions do.

    Every function here has ``open`` and ``close``; the rich forms add :meth:`get_runtime_context`.
    """

    _runtime_context: RuntimeContext | None = None

    def set_runtime_context(self, runtime_context: RuntimeContext) -> None:
        """Called by the engine before :meth:`open`."""
        self._runtime_context = runtime_context

    def get_runtime_context(self) -> RuntimeContext:
        """The context of this subtask.

        :raises RuntimeError: the function has not been opened yet.
        """
        if self._runtime_context is None:
            raise RuntimeError(
                f"{type(self).__name__} has no runtime context: it is there from open() on, on the workers only"
            )
        return self._runtime_context

    def open(self, runtime_context: RuntimeContext) -> None:
        """Called once per subtask before the first record."""
        self._runtime_context = runtime_context
