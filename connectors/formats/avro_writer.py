"""Writes Avro files."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

from millstream.common import Row
from millstream.connectors.file_system.bulk_writer import BulkWriter, BulkWriterFactory, OutputStream
from millstream.connectors.formats.avro_schema import AvroSchema, fastavro

__all__ = ["AvroBulkWriters", "avro_record"]


class AvroBulkWriters:
    """Makes the factories of Avro writers, for ``FileSink.for_bulk_format``."""

    @staticmethod
    def for_generic_record(schema: AvroSchema, codec: str = "null") -> BulkWriterFactory:
        """Write dicts, or rows, tuples or dataclass instances with the fields of the schema.

        :param codec: how blocks are compressed: ``null``, ``deflate``, ``snappy`` and what else fastavro has.
        """
        if not isinstance(schema, AvroSchema):
            raise TypeError(f"for_generic_record() takes an AvroSchema, not {schema!r}")
        return _AvroWriterFactory(schema, codec)


class _AvroWriterFactory(BulkWriterFactory):
    def __init__(self, schema: AvroSchema, codec: str) -> None:
        self._schema = schema
        self._codec = codec

    def create(self, stream: OutputStream) -> BulkWriter:
        return _AvroWriter(stream, self._schema, self._codec)


class _AvroWriter(BulkWriter):
    def __init__(self, stream: OutputStream, schema: AvroSchema, codec: str) -> None:
        fastavro()  # says what to install
        writer = importlib.import_module("fastavro.write").Writer
        self._writer = writer(_Target(stream), schema.parsed(), codec=codec, validator=True)
        self._record = avro_record(schema)

    def add_element(self, element: Any) -> None:
        self._writer.write(self._record(element))

    def finish(self) -> None:
        self._writer.flush()


def avro_record(schema: AvroSchema) -> Callable[[Any], Any]:
    """Return what makes of a record what the library takes."""
    names = schema.field_names()

    def record(element: Any) -> Any:
        if names is None or isinstance(element, dict):
            return element
        if isinstance(element, Row):
            own = element.get_field_names()
            return dict(zip(names if own is None else own, _inner(list(element)), strict=True))
        if isinstance(element, (tuple, list)):
            return dict(zip(names, _inner(element), strict=True))
        if dataclasses.is_dataclass(element) and not isinstance(element, type):
            return {name: getattr(element, name) for name in names}
        raise TypeError(
            f"{element!r:.200} is no record for the Avro fields {names}: give a dict, Row, tuple or dataclass"
        )

    return record


def _inner(values: Any) -> list[Any]:
    return [_of_row(value) for value in values]


def _of_row(value: Any) -> Any:
    if isinstance(value, Row):
        names = value.get_field_names()
        if names is None:
            raise TypeError(f"{value!r} inside of a record has no field names, so its Avro fields are not known")
        return dict(zip(names, _inner(list(value)), strict=True))
    return value


class _Target:
    """A sink's stream as the library writes to it."""

    def __init__(self, stream: OutputStream) -> None:
        self._stream = stream

    def write(self, data: Any) -> int:
        return self._stream.write(data)

    def flush(self) -> None:
        """The sink does that at its time."""

    def seekable(self) -> bool:
        return False
