"""Low-level functions on a keyed stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from millstream.datastream.functions.function import RichFunction

if TYPE_CHECKING:
    from millstream.datastream.time_domain import TimeDomain
    from millstream.datastream.timerservice import TimerService

__all__ = ["KeyedProcessFunction"]


class KeyedProcessFunction(RichFunction):
    """Like a ``ProcessFunction``, with the state of the record's key, and with timers per key."""

    class Context(ABC):
        """What is known beside the record. One object serves all records: do not keep it."""

        @abstractmethod
        def get_current_key(self) -> Any:
            """The key of the record, or of the timer."""

        @abstractmethod
        def timer_service(self) -> TimerService:
            """Current times, and the timers of the current key."""

        @abstractmethod
        def timestamp(self) -> int:
            """The event timestamp of the record or timer, ms; -2**63 (as in PyFlink): there is none."""

        @abstractmethod
        def output(self, output_tag: Any, value: Any) -> None:
            """Emit a record to a side output."""

    class OnTimerContext(Context):
        """The same for a timer."""

        @abstractmethod
        def time_domain(self) -> TimeDomain:
            """Which clock the timer was set by."""

    @abstractmethod
    def process_element(self, value: Any, ctx: KeyedProcessFunction.Context) -> Any:
        """Process one record."""

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Any:
        """A timer that was set for ``timestamp`` (ms) has come; results as those of :meth:`process_element`."""
