"""Reads Avro files.

A file is a header and blocks of records with a mark of 16 bytes, the same for all of a file, after the header and each
block. So a reader can begin in the middle: it looks for the next mark.
"""

from __future__ import annotations

import io
from typing import IO, Any

from millstream.common.types.row import new_row
from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.format_reader import Chunk, FormatReader
from millstream.connectors.file_system.stream_format import BulkFormat
from millstream.connectors.formats.avro_schema import AvroSchema, fastavro

__all__ = ["AvroReaderFormat"]

_LOOK = 64 * 1024


class AvroReaderFormat(BulkFormat):
    """The records of Avro files, for ``FileSource.for_bulk_file_format``. Files are read in parts by several subtasks.

    :param schema: what records are read as, where files were written with an older one; ``None``: each file's own.
    :param as_rows: records are rows with names, and not dicts.
    """

    def __init__(self, schema: AvroSchema | None = None, *, as_rows: bool = False) -> None:
        if schema is not None and not isinstance(schema, AvroSchema):
            raise TypeError(f"AvroReaderFormat() takes an AvroSchema, not {schema!r}")
        self._schema = schema
        self._as_rows = as_rows

    @property
    def is_splittable(self) -> bool:
        return True

    def create_reader(self, split: FileSplit) -> FormatReader:
        return _AvroReader(split, self._schema, self._as_rows)


class _AvroReader:
    """A place in the file is the offset of a block."""

    def __init__(self, split: FileSplit, schema: AvroSchema | None, as_rows: bool) -> None:
        self._split = split
        self._as_rows = as_rows
        file = split.open()
        self._file: IO[bytes] = io.BufferedReader(file, _LOOK) if isinstance(file, io.RawIOBase) else file
        self._offset: int | None = None
        self._skip = 0
        try:
            try:
                self._blocks = fastavro().block_reader(self._file, None if schema is None else schema.parsed())
            except (ValueError, EOFError) as error:
                raise OSError(f"it is no Avro file: {error}") from error
            if split.resume is not None:
                offset, self._skip = split.resume
                if offset > 0:
                    self._file.seek(offset)
            elif split.start > 0:
                self._look_for_block(split.start)
        except BaseException:
            self._file.close()
            raise

    def read(self) -> Chunk | None:
        end = self._split.end
        while end is None or self._file.tell() < end:
            block = next(self._blocks, None)
            if block is None:
                return None
            self._offset = block.offset
            records = list(block)
            before, self._skip = min(self._skip, len(records)), 0
            if before < len(records):
                return Chunk([self._record(record) for record in records[before:]], block.offset, before)
        return None

    def close(self) -> None:
        self._file.close()

    def read_up_to(self) -> int | None:
        return None if self._offset is None else self._offset + 1

    def _record(self, record: Any) -> Any:
        if self._as_rows and isinstance(record, dict):
            return new_row(tuple(record), [self._record(value) for value in record.values()])
        return record

    def _look_for_block(self, start: int) -> None:
        """Go to the first block that begins at ``start`` or after it."""
        mark: bytes = self._blocks._header["sync"]
        header_end = self._file.tell()
        if start <= header_end:
            return
        position = start - len(mark)
        self._file.seek(position)
        rest = b""
        while True:
            data = self._file.read(_LOOK)
            if not data:
                return
            window = rest + data
            found = window.find(mark)
            if found >= 0:
                self._file.seek(position - len(rest) + found + len(mark))
                return
            position += len(data)
            rest = window[-len(mark) + 1 :]
