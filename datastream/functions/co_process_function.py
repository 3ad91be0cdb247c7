"""Low-level functions on two connected streams."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeAlias

from millstream.datastream.functions import process_context
from millstream.datastream.functions.function import RichFunction

__all__ = ["CoProcessFunction"]


class CoProcessFunction(RichFunction):
    """Any number of results per record of either stream, with timestamps, watermarks and side outputs at hand.

    Results are yielded (or returned as an iterable); a result ``tag, value`` whose first part is an
    :class:`~millstream.datastream.output_tag.OutputTag` goes to that side output. A method with one more parameter
    gets a collector there: ``out.collect(value)``, and ``ctx.output(tag, value)`` for side outputs.

    Where both streams are keyed it may use the key's state and timers, as a ``KeyedCoProcessFunction`` may.
    """

    Context: TypeAlias = process_context.Context
    OnTimerContext: TypeAlias = process_context.OnTimerContext

    @abstractmethod
    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        """Process a record of the first stream."""

    @abstractmethod
    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        """Process a record of the second stream."""

    def on_timer(self, timestamp: int, ctx: CoProcessFunction.OnTimerContext) -> Any:
        """A timer that was set for ``timestamp`` (ms) has come; results as those of the other methods."""
