"""A source of consecutive numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from millstream.common.records import RecordBatch
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext

__all__ = ["NumberSequenceSource"]

_PIECES = 32


class NumberSequenceSource(Source):
    """All ints from ``start`` to ``end``, both included.

    Each subtask emits a contiguous part in ascending order; the parts' lengths differ by one at most. What is left of a
    part at a checkpoint is cut into pieces, so that a restored job with more subtasks divides it among all of them.

    :raises ValueError: ``start`` is above ``end``.
    """

    __slots__ = ("_end", "_start")

    def __init__(self, start: int, end: int) -> None:
        for bound in (start, end):
            if isinstance(bound, bool) or not isinstance(bound, int):
                raise TypeError(f"the bounds of a number sequence are ints, not {bound!r}")
        if start > end:
            raise ValueError(f"'start' must be <= 'end', but {start} > {end}")
        self._start = start
        self._end = end

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        size, longer = divmod(self._end - self._start + 1, context.parallelism)
        index = context.index_of_subtask
        first = self._start + index * size + min(index, longer)
        return _SequenceReader(first, first + size + (index < longer), context.max_records_per_batch)


class _SequenceReader(SourceReader):
    """Its state is ranges ``(next number, first number not to emit)``: about 32, which as many readers could share."""

    def __init__(self, start: int, stop: int, batch_size: int) -> None:
        self._ranges: deque[tuple[int, int]] = deque([(start, stop)])
        self._batch_size = batch_size

    def poll(self) -> RecordBatch | InputStatus:
        ranges = self._ranges
        while ranges:
            start, stop = ranges[0]
            if start < stop:
                end = min(start + self._batch_size, stop)
                ranges[0] = (end, stop)
                return RecordBatch(list(range(start, end)))
            ranges.popleft()
        return InputStatus.END_OF_INPUT

    def snapshot_state(self) -> Sequence[Any]:
        left = sum(stop - start for start, stop in self._ranges)
        # Never so small that batches get smaller: few numbers are not worth a division.
        piece = max(-(-left // _PIECES), self._batch_size)
        return tuple(
            (first, min(first + piece, stop)) for start, stop in self._ranges for first in range(start, stop, piece)
        )

    def restore_state(self, splits: Sequence[Any]) -> None:
        """What lies side by side is read as one range again."""
        self._ranges = deque()
        for start, stop in sorted(splits):
            if self._ranges and self._ranges[-1][1] == start:
                self._ranges[-1] = (self._ranges[-1][0], stop)
            else:
                self._ranges.append((start, stop))
