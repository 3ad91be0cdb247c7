"""Low-level functions on a keyed stream."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeAlias

from millstream.datastream.functions import keyed_process_context
from millstream.datastream.functions.function import RichFunction

__all__ = ["KeyedProcessFunction"]


class KeyedProcessFunction(RichFunction):
    """Like a ``ProcessFunction``, with the state of the record's key, and with timers per key."""

    Context: TypeAlias = keyed_process_context.Context
    OnTimerContext: TypeAlias = keyed_process_context.OnTimerContext

    @abstractmethod
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Any:
        """Process one record."""

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Any:
        """A timer that was set for ``timestamp`` (ms) has come; results as those of :meth:`process_element`."""
