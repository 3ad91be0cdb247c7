"""Reads sources as a task would."""

from __future__ import annotations

from typing import Any

from millstream.common.records import RecordBatch
from millstream.datastream.source import InputStatus, Source, SourceReader, SourceReaderContext


def context(index: int = 0, parallelism: int = 1, batch: int = 3) -> SourceReaderContext:
    return SourceReaderContext(index, parallelism, 128, batch, {})


def drain(reader: SourceReader, batches: int = -1) -> list[Any]:
    """All values of a reader, or those of its first batches."""
    values: list[Any] = []
    while batches != 0:
        batch = reader.poll()
        if batch is InputStatus.END_OF_INPUT:
            break
        assert isinstance(batch, RecordBatch)
        values += batch.values
        batches -= 1
    return values


def read(source: Source, index: int = 0, parallelism: int = 1, batch: int = 3) -> list[Any]:
    reader = source.create_reader(context(index, parallelism, batch))
    try:
        reader.start()
        return drain(reader)
    finally:
        reader.close()


def read_all(source: Source, parallelism: int, batch: int = 3) -> list[Any]:
    return [value for index in range(parallelism) for value in read(source, index, parallelism, batch)]
