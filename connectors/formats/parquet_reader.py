"""Reads Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from millstream.common import Row
from millstream.common.typeinfo import RowTypeInfo
from millstream.common.types.row import new_rows
from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.format_reader import Chunk, FormatReader
from millstream.connectors.file_system.stream_format import BulkFormat
from millstream.connectors.formats.arrow_types import arrow_schema, from_arrow
from millstream.connectors.formats.row_values import row_type_of

__all__ = ["ParquetColumnarRowInputFormat"]


class ParquetColumnarRowInputFormat(BulkFormat):
    """Rows with names, for ``FileSource.for_bulk_file_format``. A file is read by several subtasks, by row groups.

    :param row_type: the columns to read and their types: a ``Types.ROW_NAMED``, or a dataclass or ``NamedTuple`` class;
        ``None``: all columns, as Arrow gives them.
    :param batch_size: how many rows are read at once.
    """

    def __init__(self, row_type: Any = None, batch_size: int = 2048) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size <= 0:
            raise ValueError(f"the batch size is a number of rows above 0, not {batch_size!r}")
        self._row_type = None if row_type is None else row_type_of(row_type, "ParquetColumnarRowInputFormat()")
        self._batch_size = batch_size

    @property
    def is_splittable(self) -> bool:
        return True

    def create_reader(self, split: FileSplit) -> FormatReader:
        return _ParquetReader(split, self._row_type, self._batch_size)


class _ParquetReader:
    """A place in the file is the number of a row group."""

    def __init__(self, split: FileSplit, row_type: RowTypeInfo | None, batch_size: int) -> None:
        self._split = split
        self._row_type = row_type
        self._batch_size = batch_size
        try:
            self._file = pq.ParquetFile(split.path)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise OSError(f"it is no Parquet file: {error}") from error
        try:
            self._wanted = None if row_type is None else self._checked(row_type)
        except BaseException:
            self._file.close()
            raise
        self._convert = [] if row_type is None else [from_arrow(kind) for kind in row_type.get_field_types()]
        metadata = self._file.metadata
        self._offsets = [_offset(metadata.row_group(index)) for index in range(metadata.num_row_groups)]
        group, self._skip = split.resume if split.resume is not None else (0, 0)
        self._groups = iter([index for index in range(group, len(self._offsets)) if self._is_own(index)])
        self._group: int | None = None
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._given = 0

    def read(self) -> Chunk | None:
        while True:
            batch = next(self._batches, None)
            if batch is None:
                self._group = next(self._groups, None)
                if self._group is None:
                    return None
                names = None if self._wanted is None else self._wanted.names
                self._batches = self._file.iter_batches(self._batch_size, row_groups=[self._group], columns=names)
                self._given = 0
                continue
            before = self._given
            self._given += batch.num_rows
            skipped = min(self._skip, batch.num_rows)
            self._skip -= skipped
            if skipped < batch.num_rows:
                assert self._group is not None
                return Chunk(self._rows(batch.slice(skipped)), self._group, before + skipped)

    def close(self) -> None:
        self._file.close()

    def read_up_to(self) -> int | None:
        return None if self._group is None else self._offsets[self._group] + 1

    def _is_own(self, group: int) -> bool:
        end = self._split.end
        return self._split.start <= self._offsets[group] and (end is None or self._offsets[group] < end)

    def _checked(self, row_type: RowTypeInfo) -> pa.Schema:
        wanted = arrow_schema(row_type)
        there = self._file.schema_arrow.names
        missing = [name for name in wanted.names if name not in there]
        if missing:
            raise ValueError(f"Parquet file {self._split.path!r} has no column {missing[0]!r}; it has {there}")
        return wanted

    def _rows(self, batch: pa.RecordBatch) -> list[Row]:
        wanted = self._wanted
        if wanted is None:
            return new_rows(tuple(batch.schema.names), _columns_to_rows([c.to_pylist() for c in batch.columns]), None)
        columns = []
        for field, convert in zip(wanted, self._convert, strict=True):
            column = batch.column(field.name)
            if column.type != field.type:
                try:
                    column = column.cast(field.type)
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                    raise ValueError(
                        f"column {field.name!r} of the Parquet file {self._split.path!r} is of {column.type} and "
                        f"cannot be read as {field.type}: {error}"
                    ) from error
            values = column.to_pylist()
            columns.append(values if convert is None else [convert(value) for value in values])
        return new_rows(tuple(wanted.names), _columns_to_rows(columns), None)


def _columns_to_rows(columns: list[list[Any]]) -> Iterator[list[Any]]:
    return (list(values) for values in zip(*columns, strict=True))


def _offset(group: Any) -> int:
    """Where a row group begins."""
    if not group.num_columns:
        return 0
    column = group.column(0)
    data: int = column.data_page_offset
    dictionary = column.dictionary_page_offset
    return data if dictionary is None or dictionary <= 0 else min(data, dictionary)
