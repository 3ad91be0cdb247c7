"""Writes Parquet files."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from millstream.common.typeinfo import RowTypeInfo
from millstream.connectors.file_system.bulk_writer import BulkWriter, BulkWriterFactory, OutputStream
from millstream.connectors.formats.arrow_types import arrow_schema, to_arrow
from millstream.connectors.formats.row_values import plain_values, row_type_of

__all__ = ["ParquetBulkWriters"]

_BATCH_RECORDS = 4096
_ROW_GROUP_RECORDS = 128 * 1024
_ROW_GROUP_BYTES = 64 * 1024 * 1024


class ParquetBulkWriters:
    """Makes the factories of Parquet writers, for ``FileSink.for_bulk_format``."""

    @staticmethod
    def for_row_type(row_type: Any, compression: str = "snappy") -> BulkWriterFactory:
        """Write rows, tuples, dicts or objects with these fields.

        :param row_type: a ``Types.ROW_NAMED``, or a dataclass or ``NamedTuple`` class.
        :param compression: as pyarrow names it: ``snappy``, ``zstd``, ``gzip``, ``none``.
        :raises TypeError: a field's type is in no Parquet file.
        """
        known = row_type_of(row_type, "ParquetBulkWriters.for_row_type()")
        arrow_schema(known)
        return _ParquetWriterFactory(known, compression)


class _ParquetWriterFactory(BulkWriterFactory):
    def __init__(self, row_type: RowTypeInfo, compression: str) -> None:
        self._row_type = row_type
        self._compression = compression

    def create(self, stream: OutputStream) -> BulkWriter:
        return _ParquetWriter(stream, self._row_type, self._compression)


class _ParquetWriter(BulkWriter):
    """Keeps a row group in memory: first records, then Arrow's columns of them, which are smaller."""

    def __init__(self, stream: OutputStream, row_type: RowTypeInfo, compression: str) -> None:
        self._schema = arrow_schema(row_type)
        self._values = plain_values(row_type)
        self._to_arrow = [to_arrow(kind) for kind in row_type.get_field_types()]
        self._target = _Target(stream)
        self._writer = pq.ParquetWriter(pa.PythonFile(self._target, "w"), self._schema, compression=compression)
        self._records: list[list[Any]] = []
        self._batches: list[pa.RecordBatch] = []

    def add_element(self, element: Any) -> None:
        self._records.append(self._values(element))
        if len(self._records) >= _BATCH_RECORDS:
            self._make_batch()
            if (
                len(self._batches) * _BATCH_RECORDS >= _ROW_GROUP_RECORDS
                or sum(batch.nbytes for batch in self._batches) >= _ROW_GROUP_BYTES
            ):
                self._write_group()

    def finish(self) -> None:
        self._make_batch()
        self._write_group()
        self._writer.close()

    def abandon(self) -> None:
        self._records, self._batches = [], []
        self._target.stream = None  # what the writer ends a file with goes nowhere
        self._writer.close()

    def _make_batch(self) -> None:
        if not self._records:
            return
        records, self._records = self._records, []
        columns = []
        for index, (field, convert) in enumerate(zip(self._schema, self._to_arrow, strict=True)):
            values = [record[index] for record in records]
            if convert is not None:
                values = [convert(value) for value in values]
            try:
                columns.append(pa.array(values, field.type))
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
                raise _misfit(field, values, error) from error
        self._batches.append(pa.record_batch(columns, schema=self._schema))

    def _write_group(self) -> None:
        if self._batches:
            table = pa.Table.from_batches(self._batches, self._schema)
            self._batches = []
            self._writer.write_table(table, row_group_size=table.num_rows)


def _misfit(field: pa.Field, values: list[Any], error: Exception) -> ValueError:
    """Name the value that does not fit."""
    for value in values:
        try:
            pa.array([value], field.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as reason:
            return ValueError(
                f"{value!r:.200} of the field {field.name!r} does not fit into a Parquet column of {field.type}: "
                f"{reason}"
            )
    return ValueError(f"the values of the field {field.name!r} do not fit into a column of {field.type}: {error}")


class _Target:
    """A sink's stream as Arrow writes to it. The sink closes it."""

    closed = False

    def __init__(self, stream: OutputStream) -> None:
        self.stream: OutputStream | None = stream

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        return view.nbytes if self.stream is None else self.stream.write(view)

    def tell(self) -> int:
        return 0 if self.stream is None else self.stream.tell()

    def flush(self) -> None:
        """The sink does that at its time."""

    def close(self) -> None:
        """The sink does that at its time."""
