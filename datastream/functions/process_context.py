"""What process functions without keys are told beside a record: the same with one stream and with two.

Programs know these classes as those of the function they write, ``ProcessFunction.Context`` for example.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millstream.datastream.time_domain import TimeDomain
    from millstream.datastream.timerservice import TimerService

__all__ = ["Context", "OnTimerContext"]


class Context(ABC):
    """What is known beside the record. One object serves all records: do not keep it."""

    @abstractmethod
    def timer_service(self) -> TimerService:
        """Current times, and the timers of the current key; where there are no keys, timers cannot be set."""

    @abstractmethod
    def timestamp(self) -> int:
        """The event timestamp of the record or timer, ms; -2**63 (as in PyFlink): there is none."""

    @abstractmethod
    def output(self, output_tag: Any, value: Any) -> None:
        """Emit a record to a side output."""


class OnTimerContext(Context):
    """The same for a timer. ``CoProcessFunction`` has it for inputs that are keyed after all."""

    @abstractmethod
    def time_domain(self) -> TimeDomain:
        """Which clock the timer was set by."""
