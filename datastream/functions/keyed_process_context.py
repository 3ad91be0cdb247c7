"""What keyed process functions are told beside a record or a timer: the same with one stream and with two.

Programs know these classes as those of the function they write, ``KeyedProcessFunction.Context`` for example.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from millstream.datastream.functions import process_context

__all__ = ["Context", "OnTimerContext"]


class Context(process_context.Context):
    """What is known beside the record. One object serves all records: do not keep it."""

    @abstractmethod
    def get_current_key(self) -> Any:
        """The key of the record, or of the timer."""


class OnTimerContext(Context, process_context.OnTimerContext):
    """The same for a timer."""
