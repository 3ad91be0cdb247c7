"""Schemas of Avro, and the library that knows it."""

from __future__ import annotations

import importlib
import json
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.connectors.file_system.local_path import local_path

__all__ = ["AvroSchema", "fastavro"]


def fastavro() -> Any:
    """The library, which is an extra.

    :raises MillstreamError: it is not installed.
    """
    try:
        return importlib.import_module("fastavro")
    except ImportError as error:
        raise MillstreamError(
            "Avro needs the library fastavro, here and on the workers: pip install 'millstream[avro]'"
        ) from error


class AvroSchema:
    """A schema as Avro writes it. Made by :meth:`parse_string` or :meth:`parse_file`."""

    def __init__(self, definition: Any) -> None:
        self.definition = definition

    @staticmethod
    def parse_string(json_schema: str) -> AvroSchema:
        """Take a schema in JSON.

        :raises ValueError: it is no schema.
        """
        library = fastavro()
        try:
            definition = json.loads(json_schema)
            library.parse_schema(definition)
        except (ValueError, library.schema.SchemaParseException, library.schema.UnknownType) as error:
            raise ValueError(f"this is no Avro schema: {error} ({json_schema:.200})") from error
        return AvroSchema(definition)

    @staticmethod
    def parse_file(file_path: str) -> AvroSchema:
        """Take a schema from a file here, where the program runs.

        :raises OSError: it cannot be read.
        :raises ValueError: it is no schema.
        """
        with open(local_path(file_path), encoding="utf-8") as file:
            return AvroSchema.parse_string(file.read())

    def parsed(self) -> Any:
        """The schema as the library takes it."""
        return fastavro().parse_schema(self.definition)

    def field_names(self) -> list[str] | None:
        """The fields of a record; ``None``: it is the schema of something else."""
        if isinstance(self.definition, dict) and self.definition.get("type") == "record":
            return [field["name"] for field in self.definition["fields"]]
        return None
