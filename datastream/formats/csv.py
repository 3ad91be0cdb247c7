"""CSV under PyFlink's module name."""

from __future__ import annotations

from millstream.connectors.formats.csv_files import CsvBulkWriters, CsvReaderFormat
from millstream.connectors.formats.csv_schema import CsvSchema, CsvSchemaBuilder

__all__ = ["CsvBulkWriters", "CsvReaderFormat", "CsvSchema", "CsvSchemaBuilder"]
