"""JSON under PyFlink's module name, and files of JSON lines."""

from __future__ import annotations

from millstream.connectors.formats.json_row_schemas import JsonRowDeserializationSchema, JsonRowSerializationSchema
from millstream.connectors.formats.line_schemas import LineDeserializationFormat, LineSerializationEncoder

__all__ = [
    "JsonRowDeserializationSchema",
    "JsonRowSerializationSchema",
    "LineDeserializationFormat",
    "LineSerializationEncoder",
]
