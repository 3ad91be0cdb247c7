"""Files with one message per line: any schema of messages makes a format of files."""

from __future__ import annotations

from typing import Any

from millstream.common import DeserializationSchema, Encoder, SerializationSchema
from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.format_reader import Chunk, FormatReader
from millstream.connectors.file_system.line_reader import LineReader
from millstream.connectors.file_system.stream_format import StreamFormat
from millstream.connectors.file_system.text_line_format import TextLineFormat

__all__ = ["LineDeserializationFormat", "LineSerializationEncoder"]

_BYTES = TextLineFormat("iso8859-1")
"""Each byte is a character: the schema decodes."""


class LineDeserializationFormat(StreamFormat):
    """Reads files of lines, such as JSON lines, with a :class:`DeserializationSchema`, for ``FileSource``.

    Lines of which the schema makes ``None`` are left out, and empty ones. A message must not have a line end in it.
    """

    def __init__(self, schema: DeserializationSchema[Any]) -> None:
        if not isinstance(schema, DeserializationSchema):
            raise TypeError(f"LineDeserializationFormat() takes a DeserializationSchema, not {schema!r}")
        self._schema = schema

    @property
    def is_splittable(self) -> bool:
        return True

    def create_reader(self, split: FileSplit) -> FormatReader:
        return _MessageReader(split, self._schema)


class _MessageReader:
    """A place in the file is where a line begins, and what is counted after it are messages."""

    def __init__(self, split: FileSplit, schema: DeserializationSchema[Any]) -> None:
        self._path = split.path
        self._deserialize = schema.deserialize
        self._skip = 0
        if split.resume is not None:
            offset, self._skip = split.resume
            split = FileSplit(split.path, split.start, split.end, (offset, 0))
        self._lines = LineReader(split, _BYTES)

    def read(self) -> Chunk | None:
        while True:
            chunk = self._lines.read()
            if chunk is None:
                return None
            messages = [self._message(line) for line in chunk.records if line]
            messages = [message for message in messages if message is not None]
            # Only the first chunk is one that was begun before: it is at the place itself.
            before, self._skip = min(self._skip, len(messages)), 0
            if before < len(messages):
                return Chunk(messages[before:], chunk.offset, before)

    def close(self) -> None:
        self._lines.close()

    def read_up_to(self) -> int | None:
        return self._lines.read_up_to()

    def _message(self, line: str) -> Any:
        try:
            return self._deserialize(line.encode("iso8859-1"))
        except ValueError as error:
            raise ValueError(f"file {self._path!r}: {error}") from error


class LineSerializationEncoder(Encoder[Any]):
    """Writes files of lines with a :class:`SerializationSchema`, for ``FileSink.for_row_format``."""

    def __init__(self, schema: SerializationSchema[Any]) -> None:
        if not isinstance(schema, SerializationSchema):
            raise TypeError(f"LineSerializationEncoder() takes a SerializationSchema, not {schema!r}")
        self._schema = schema

    def encode(self, element: Any) -> bytes:
        data = self._schema.serialize(element)
        if b"\n" in data:
            raise ValueError(f"{data!r:.200} has a line end in it and cannot be one line of a file")
        return data + b"\n"
