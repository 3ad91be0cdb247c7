"""Avro under PyFlink's module name. Needs ``pip install 'millstream[avro]'``."""

from __future__ import annotations

from millstream.connectors.formats.avro_reader import AvroReaderFormat
from millstream.connectors.formats.avro_schema import AvroSchema
from millstream.connectors.formats.avro_writer import AvroBulkWriters

__all__ = ["AvroBulkWriters", "AvroReaderFormat", "AvroSchema"]
