"""Low-level functions on two connected keyed streams."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeAlias

from millstream.datastream.functions import keyed_process_context
from millstream.datastream.functions.function import RichFunction

__all__ = ["KeyedCoProcessFunction"]


class KeyedCoProcessFunction(RichFunction):
    """Like a ``CoProcessFunction``, with the state of the record's key, which both streams share, and with timers."""

    Context: TypeAlias = keyed_process_context.Context
    OnTimerContext: TypeAlias = keyed_process_context.OnTimerContext

    @abstractmethod
    def process_element1(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        """Process a record of the first stream."""

    @abstractmethod
    def process_element2(self, value: Any, ctx: KeyedCoProcessFunction.Context) -> Any:
        """Process a record of the second stream."""

    def on_timer(self, timestamp: int, ctx: KeyedCoProcessFunction.OnTimerContext) -> Any:
        """A timer that was set for ``timestamp`` (ms) has come; results as those of the other methods."""
