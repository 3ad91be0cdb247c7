"""The source of ``from_collection``: the records travel inside the job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from millstream.common.records import RecordBatch
from millstream.common.typeinfo import TypeInformation
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext

__all__ = ["CollectionSource"]


class CollectionSource(Source):
    """Emits the elements of a list in order. Runs at parallelism 1.

    :ivar element_type: the type that the elements have been converted to; ``None``: to none.
    """

    __slots__ = ("element_type", "elements")

    def __init__(self, elements: list[Any], element_type: TypeInformation | None = None) -> None:
        self.elements = elements
        self.element_type = element_type

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _CollectionReader(self.elements if context.index_of_subtask == 0 else [], context.max_records_per_batch)


class _CollectionReader(SourceReader):
    """Its state is the index of the next element."""

    def __init__(self, elements: list[Any], batch_size: int) -> None:
        self._elements = elements
        self._batch_size = batch_size
        self._position = 0

    def poll(self) -> RecordBatch | InputStatus:
        start = self._position
        if start >= len(self._elements):
            return InputStatus.END_OF_INPUT
        batch = self._elements[start : start + self._batch_size]
        self._position = start + len(batch)
        return RecordBatch(batch)

    def snapshot_state(self) -> Sequence[Any]:
        return (self._position,)

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._position = max(splits, default=len(self._elements))
