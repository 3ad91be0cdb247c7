"""Low-level functions on two connected streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from millstream.datastream.functions.function import RichFunction

if TYPE_CHECKING:
    from millstream.datastream.time_domain import TimeDomain
    from millstream.datastream.timerservice import TimerService

__all__ = ["CoProcessFunction"]


class CoProcessFunction(RichFunction):
    """Any number of results per record of either stream, with timestamps, watermarks and side outputs at hand.

    Results are yielded (or returned as an iterable); a result ``tag, value`` whose first part is an
    :class:`~millstream.datastream.output_tag.OutputTag` goes to that side output. A method with one more parameter
    gets a collector there: ``out.collect(value)``, and ``ctx.output(tag, value)`` for side outputs.

    Where both streams are keyed it may use the key's state and timers, as a ``KeyedCoProcessFunction`` may.
    """

    class Context(ABC):
        """What is known beside the record. One object serves all records: do not keep it."""

        @abstractmethod
        def timer_service(self) -> TimerService:
            """Current times; timers can be set where both streams are keyed."""

        @abstractmethod
        def timestamp(self) -> int:
            """The record's event timestamp, ms; -2**63 (as in PyFlink): it has none."""

        @abstractmethod
        def output(self, output_tag: Any, value: Any) -> None:
            """Emit a record to a side output."""

    class OnTimerContext(Context):
        """The same for a timer."""

        @abstractmethod
        def time_domain(self) -> TimeDomain:
            """Which clock the timer was set by."""

    @abstractmethod
    def process_element1(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        """Process a record of the first stream."""

    @abstractmethod
    def process_element2(self, value: Any, ctx: CoProcessFunction.Context) -> Any:
        """Process a record of the second stream."""

    def on_timer(self, timestamp: int, ctx: CoProcessFunction.OnTimerContext) -> Any:
        """A timer that was set for ``timestamp`` (ms) has come; results as those of the other methods."""
