"""One stage of a fused operator: batches of records to batches of results."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from millstream.taskmanager.operators.fused_stage import MAP, StageStep, compile_stage
from millstream.taskmanager.operators.generated import FailedLine
from millstream.taskmanager.operators.output_conversion import OutputConversion

__all__ = ["Stage", "spread"]


class Stage:
    """Runs the generated function of a stage.

    :ivar before: operators that put out as many records as the stage takes in.
    :ivar after: operators that put out as many as the stage gives.
    """

    __slots__ = ("_conversion", "_plain", "_stamped", "_tells_ends", "after", "before", "records_in", "records_out")

    def __init__(self, steps: Sequence[StageStep], conversion: OutputConversion | None = None) -> None:
        """:param conversion: of the results, if they have a type. Such a stage has one step."""
        self.before = next((place for place, step in enumerate(steps) if step.kind != MAP), len(steps))
        self.after = len(steps) - self.before
        self._conversion = conversion
        self._tells_ends = conversion is not None and self.after > 0
        self._plain = compile_stage(steps, ends=self._tells_ends)
        # The results of maps are as many as the records, and keep their timestamps.
        self._stamped = compile_stage(steps, timestamps=True) if self.after and not self._tells_ends else None
        self.records_in = 0
        self.records_out = 0

    def run(self, values: list[Any], timestamps: list[int | None] | None) -> tuple[list[Any], list[int | None] | None]:
        """Return the results and their timestamps."""
        self.records_in += len(values)
        if self._tells_ends:
            ends: list[int] = []
            results = self._plain.call(values, ends.append)
            if timestamps is not None:
                timestamps = spread(timestamps, ends)
            if self._conversion is not None:
                results = self._conversion.convert(results, values, ends)
        elif self._stamped is None or timestamps is None:
            results = self._plain.call(values)
            if self._conversion is not None:
                results = self._conversion.convert(results, values)
        else:
            pairs = self._stamped.call(values, timestamps)
            results = [pair[0] for pair in pairs]
            timestamps = [pair[1] for pair in pairs]
        self.records_out += len(results)
        return results, timestamps

    def failed_line(self, error: BaseException) -> FailedLine | None:
        """Return where ``error`` passed through the generated function; ``None`` if it did not."""
        failed = self._plain.failed_line(error)
        return self._stamped.failed_line(error) if failed is None and self._stamped is not None else failed


def spread(timestamps: list[int | None], ends: list[int]) -> list[int | None]:
    """The timestamps of results.

    :param timestamps: of the records.
    :param ends: how many of the results belong to the records up to each.
    """
    of_results: list[int | None] = []
    start = 0
    for timestamp, end in zip(timestamps, ends, strict=True):
        of_results.extend(repeat(timestamp, end - start))
        start = end
    return of_results
