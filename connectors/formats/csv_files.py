"""Reads and writes CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from millstream.common import Row
from millstream.connectors.file_system.bulk_writer import BulkWriter, BulkWriterFactory, OutputStream
from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.format_reader import Chunk, FormatReader
from millstream.connectors.file_system.stream_format import StreamFormat
from millstream.connectors.formats.csv_rows import fields_of_row, row_of_fields
from millstream.connectors.formats.csv_schema import LINE_END, CsvSchema

__all__ = ["CsvBulkWriters", "CsvReaderFormat"]

_CHUNK_ROWS = 1024


class CsvBulkWriters:
    """Makes the factories of CSV writers, for ``FileSink.for_bulk_format``."""

    @staticmethod
    def for_schema(schema: CsvSchema) -> BulkWriterFactory:
        """Write rows, tuples, dicts or objects with these columns."""
        return _CsvWriterFactory(_checked(schema, "CsvBulkWriters.for_schema()"))


class _CsvWriterFactory(BulkWriterFactory):
    def __init__(self, schema: CsvSchema) -> None:
        self._schema = schema

    def create(self, stream: OutputStream) -> BulkWriter:
        return _CsvWriter(stream, self._schema)


class _CsvWriter(BulkWriter):
    def __init__(self, stream: OutputStream, schema: CsvSchema) -> None:
        self._stream = stream
        self._lines = _Lines(schema.line_separator)
        self._writer = csv.writer(self._lines, **schema.format_arguments())
        self._fields = fields_of_row(schema)
        if schema.use_header:
            self._writer.writerow([column.name for column in schema.columns])

    def add_element(self, element: Any) -> None:
        self._writer.writerow(self._fields(element))
        if len(self._lines.texts) >= _CHUNK_ROWS:
            self._write()

    def finish(self) -> None:
        self._write()

    def _write(self) -> None:
        texts, self._lines.texts = self._lines.texts, []
        self._stream.write("".join(texts).encode())


class _Lines:
    """Takes what Python's ``csv`` writes, a line at a time."""

    def __init__(self, separator: str) -> None:
        self._separator = separator
        self.texts: list[str] = []

    def write(self, line: str) -> None:
        self.texts.append(line.removesuffix(LINE_END) + self._separator)


class CsvReaderFormat(StreamFormat):
    """Rows of CSV files, for ``FileSource.for_record_stream_format``. Made by :meth:`for_schema`.

    A field in quotes may have line ends in it, so each file is read by one subtask, from its beginning.
    """

    def __init__(self, schema: CsvSchema) -> None:
        self._schema = schema

    @staticmethod
    def for_schema(schema: CsvSchema) -> CsvReaderFormat:
        """Read rows with these columns, UTF-8."""
        return CsvReaderFormat(_checked(schema, "CsvReaderFormat.for_schema()"))

    @property
    def is_splittable(self) -> bool:
        return False

    def create_reader(self, split: FileSplit) -> FormatReader:
        return _CsvReader(split, self._schema)


class _CsvReader:
    """The only place in a file is its beginning."""

    def __init__(self, split: FileSplit, schema: CsvSchema) -> None:
        self._path = split.path
        self._schema = schema
        self._given = 0
        self._skip = split.resume[1] if split.resume is not None else 0
        file: Any = split.open()
        if isinstance(file, io.RawIOBase):
            file = io.BufferedReader(file)
        self._file = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        arguments = schema.format_arguments()
        arguments.pop("lineterminator")
        self._reader = csv.reader(self._lines(), strict=True, **arguments)
        try:
            self._row = row_of_fields(schema, next(self._reader, []) if schema.use_header else None)
            if schema.skip_first_data_row:
                next(self._reader, None)
        except (ValueError, csv.Error) as error:
            self._file.close()
            raise self._wrong(error) from error

    def read(self) -> Chunk | None:
        rows: list[Row] = []
        before = self._given
        try:
            for fields in self._reader:
                if not fields:
                    continue  # an empty line
                self._given += 1
                if self._skip:
                    self._skip -= 1
                    before += 1
                    continue
                rows.append(self._row(fields))
                if len(rows) == _CHUNK_ROWS:
                    break
        except (ValueError, csv.Error) as error:
            raise self._wrong(error) from error
        return Chunk(rows, 0, before) if rows else None

    def close(self) -> None:
        self._file.close()

    def read_up_to(self) -> int | None:
        return None

    def _lines(self) -> Iterator[str]:
        comments = self._schema.allow_comments
        for line in self._file:
            if not (comments and line.startswith("#")):
                yield line

    def _wrong(self, error: Exception) -> ValueError:
        return ValueError(f"CSV file {self._path!r}, about line {self._reader.line_num}: {error}")


def _checked(schema: Any, what: str) -> CsvSchema:
    if not isinstance(schema, CsvSchema):
        raise TypeError(f"{what} takes a CsvSchema, not {schema!r}; make one with CsvSchema.builder()")
    return schema
