"""Low-level functions on one stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from millstream.datastream.functions.function import RichFunction

if TYPE_CHECKING:
    from millstream.datastream.timerservice import TimerService

__all__ = ["ProcessFunction"]


class ProcessFunction(RichFunction):
    """Any number of results per record, with the record's timestamp, the watermark and side outputs at hand.

    Results are yielded (or returned as an iterable); a result ``tag, value`` whose first part is an
    :class:`~millstream.datastream.output_tag.OutputTag` goes to that side output. A ``process_element`` with a third
    parameter gets a collector there: ``out.collect(value)``, and ``ctx.output(tag, value)`` for side outputs.
    """

    class Context(ABC):
        """What is known beside the record. One object serves all records: do not keep it."""

        @abstractmethod
        def timer_service(self) -> TimerService:
            """Current times; on a stream without keys, timers cannot be set."""

        @abstractmethod
        def timestamp(self) -> int:
            """The record's event timestamp, ms; -2**63 (as in PyFlink): it has none."""

        @abstractmethod
        def output(self, output_tag: Any, value: Any) -> None:
            """Emit a record to a side output."""

    @abstractmethod
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Any:
        """Process one record."""
