"""A source that gives words at a pace, from any place on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from millstream.common.records import RecordBatch
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext


class PacedWords(Source):
    """Each subtask gives ``count`` pairs of one of five words and 1."""

    def __init__(self, count: int, per_second: float) -> None:
        self._count = count
        self._per_second = per_second

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _Reader(self._count, self._per_second)


class _Reader(SourceReader):
    def __init__(self, count: int, per_second: float) -> None:
        self._count = count
        self._pause = 1 / per_second
        self._next = 0
        self._due = 0.0

    def start(self) -> None:
        self._due = asyncio.get_running_loop().time()

    def poll(self) -> RecordBatch | InputStatus:
        if self._next >= self._count:
            return InputStatus.END_OF_INPUT
        if self._due > asyncio.get_running_loop().time():
            return InputStatus.NOTHING_AVAILABLE
        self._due += self._pause
        self._next += 1
        return RecordBatch([(f"word{self._next % 5}", 1)])

    async def wait_available(self) -> None:
        await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))

    def snapshot_state(self) -> Sequence[Any]:
        return (self._next,)

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._next = splits[0]
