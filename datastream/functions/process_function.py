"""Low-level functions on one stream."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeAlias

from millstream.datastream.functions import process_context
from millstream.datastream.functions.function import RichFunction

__all__ = ["ProcessFunction"]


class ProcessFunction(RichFunction):
    """Any number of results per record, with the record's timestamp, the watermark and side outputs at hand.

    Results are yielded (or returned as an iterable); a result ``tag, value`` whose first part is an
    :class:`~millstream.datastream.output_tag.OutputTag` goes to that side output. A ``process_element`` with a third
    parameter gets a collector there: ``out.collect(value)``, and ``ctx.output(tag, value)`` for side outputs.
    """

    Context: TypeAlias = process_context.Context

    @abstractmethod
    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Any:
        """Process one record."""
