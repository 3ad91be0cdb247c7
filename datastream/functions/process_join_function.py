"""What an interval join does with each pair of records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from millstream.datastream.functions.function import RichFunction

__all__ = ["ProcessJoinFunction"]


class ProcessJoinFunction(RichFunction):
    """Any number of results per pair of records that belong together.

    Results are yielded (or returned as an iterable), side outputs included (``yield tag, value``). A
    ``process_element`` with a fourth parameter gets a collector there: ``out.collect(value)``.
    """

    class Context(ABC):
        """What is known beside the pair. One object serves all pairs: do not keep it."""

        @abstractmethod
        def get_left_timestamp(self) -> int:
            """The left record's timestamp, ms."""

        @abstractmethod
        def get_right_timestamp(self) -> int:
            """The right record's timestamp, ms."""

        @abstractmethod
        def get_timestamp(self) -> int:
            """The later one of the two, which the results get."""

        @abstractmethod
        def output(self, output_tag: Any, value: Any) -> None:
            """Emit a record to a side output."""

    @abstractmethod
    def process_element(self, left: Any, right: Any, ctx: ProcessJoinFunction.Context) -> Any:
        """Process one pair."""
