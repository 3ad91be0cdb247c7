"""A source whose reader runs on the slot's event loop."""

from __future__ import annotations

import asyncio
from typing import Any

from millstream.common.records import Marker, RecordBatch
from millstream.datastream.source import InputStatus, SourceReader, SourceReaderContext
from millstream.taskmanager.operators.batch_sizer import MAX_BATCH_RECORDS
from millstream.taskmanager.operators.operator import FailureSite, OperatorContext
from millstream.taskmanager.task.source_driver import END_OF_INPUT, EndOfInput

__all__ = ["ReaderSource"]

_IMPATIENCE_S = 0.001


class ReaderSource:
    """Polls a :class:`~millstream.datastream.source.SourceReader`."""

    def __init__(self, source: Any, context: OperatorContext, configuration: dict[str, str]) -> None:
        self.info = context.info
        self.records_out = 0
        self.opened = False
        self._source = source
        self._context = SourceReaderContext(
            index_of_subtask=context.task.subtask_index,
            parallelism=context.task.parallelism,
            max_parallelism=context.task.max_parallelism,
            max_records_per_batch=MAX_BATCH_RECORDS,
            configuration=configuration,
        )
        self._reader: SourceReader | None = None
        self._empty_polls = 0

    def open(self) -> None:
        self._reader = self._source.create_reader(self._context)
        self._reader.start()

    def poll(self) -> RecordBatch | Marker | EndOfInput | None:
        if self._reader is None:
            raise RuntimeError(f"source {self.info.name!r} was polled before it was opened")
        given = self._reader.poll()
        if given is InputStatus.END_OF_INPUT:
            return END_OF_INPUT
        if given is InputStatus.NOTHING_AVAILABLE:
            self._empty_polls += 1
            return None
        if not isinstance(given, RecordBatch):
            raise TypeError(
                f"{type(self._reader).__qualname__}.poll() returned {type(given).__qualname__}; "
                "it must return a RecordBatch or an InputStatus"
            )
        self._empty_polls = 0
        self.records_out += len(given.values)
        return given

    async def wait(self) -> None:
        if self._reader is None:
            return
        await self._reader.wait_available()
        if self._empty_polls > 1:
            await asyncio.sleep(_IMPATIENCE_S)  # it says that there is something, but there was not

    def processed(self, records: int, elapsed_ns: int) -> None:
        """The chain slices batches by cost, and the reader knows its largest batch."""

    async def stop(self) -> None:
        """Readers never block."""

    def close(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.close()

    def locate(self, error: BaseException, phase: str) -> FailureSite:
        return FailureSite(self.info, phase)
