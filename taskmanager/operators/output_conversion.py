"""Lets the results of a user's function be what its output type says.

Results are converted many at a time, after the function made them: a test of all of them costs a fraction of as many
tests. Which record had the result that was refused is found when that happens.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import length_hint
from typing import Any

from millstream.common.typeinfo import TypeInformation
from millstream.common.typeinfo.columns import convert_each
from millstream.taskmanager.operators.generated import frame_variables
from millstream.taskmanager.operators.operator import NO_RECORD

__all__ = ["OutputConversion"]


class OutputConversion:
    """Converts results to one type."""

    __slots__ = ("_convert_all",)

    def __init__(self, output_type: TypeInformation) -> None:
        self._convert_all = output_type.batch_conversion()

    def convert(self, results: list[Any], records: list[Any], ends: list[int] | None = None) -> list[Any]:
        """Return the converted results.

        :param records: of what they are the results; read from the frame by :meth:`refused`.
        :param ends: how many of the results belong to the records up to each; ``None``: each record has one.
        """
        return self._convert_all(results)

    def refused(self, error: BaseException) -> Any:
        """The record whose result was refused with ``error``, which came out of :meth:`convert`; else ``NO_RECORD``."""
        found = frame_variables(error, OutputConversion.convert.__code__)
        converting = frame_variables(error, convert_each.__code__)
        if found.get("self") is not self or "it" not in converting:
            return NO_RECORD
        records, ends = found["records"], found["ends"]
        index = len(converting["values"]) - length_hint(converting["it"]) - 1
        if ends is not None:
            index = bisect_right(ends, index)
        return records[index] if index < len(records) else NO_RECORD
