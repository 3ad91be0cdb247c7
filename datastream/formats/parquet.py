"""Parquet under PyFlink's module name."""

from __future__ import annotations

from millstream.connectors.formats.parquet_reader import ParquetColumnarRowInputFormat
from millstream.connectors.formats.parquet_writer import ParquetBulkWriters

__all__ = ["ParquetBulkWriters", "ParquetColumnarRowInputFormat"]
