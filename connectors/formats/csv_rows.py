"""Rows as the fields of a line of CSV, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from millstream.common import Row
from millstream.common.typeinfo import TypeInformation, Types
from millstream.common.types.row import new_row
from millstream.connectors.formats.csv_schema import CsvColumn, CsvSchema
from millstream.connectors.formats.json_values import from_json, to_json
from millstream.connectors.formats.row_values import plain_values

__all__ = ["fields_of_row", "row_of_fields"]

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def fields_of_row(schema: CsvSchema) -> Callable[[Any], list[str]]:
    """Return what makes the fields of a line of a record."""
    values_of = plain_values(schema.row_type())
    null = schema.null_value or ""
    to_texts = [_to_text(column) for column in schema.columns]

    def fields(record: Any) -> list[str]:
        return [
            null if value is None else to_text(value)
            for to_text, value in zip(to_texts, values_of(record), strict=True)
        ]

    return fields


def row_of_fields(schema: CsvSchema, header: Sequence[str] | None = None) -> Callable[[list[str]], Row]:
    """Return what makes a row of the fields of a line.

    :param header: the names in the file's first line, if it has one.
    :raises ValueError: a column is not in the header; what is returned: a line does not fit.
    """
    names = tuple(column.name for column in schema.columns)
    places = list(range(len(names)))
    if header is not None:
        for name in names:
            if name not in header:
                raise ValueError(f"there is no column {name!r} in the header {list(header)}")
        places = [list(header).index(name) for name in names]
    size = len(header) if header is not None else len(names)
    parsers = [(place, column.name, _of_text(column)) for place, column in zip(places, schema.columns, strict=True)]
    null = schema.null_value if schema.null_value is not None else ""

    def row(fields: list[str]) -> Row:
        if len(fields) != size:
            raise ValueError(f"the line has {len(fields)} fields, not {size}: {fields!r:.200}")
        values = []
        for place, name, parse in parsers:
            text = fields[place]
            try:
                values.append(None if text == null else parse(text))
            except ValueError as error:
                raise ValueError(f"column {name!r}: {error}") from error
        return new_row(names, values)

    return row


def _to_text(column: CsvColumn) -> Callable[[Any], str]:
    one = _element_to_text(column.kind)
    separator = column.separator
    if separator is None:
        return one
    return lambda items: separator.join("" if item is None else one(item) for item in items)


def _element_to_text(kind: TypeInformation) -> Callable[[Any], str]:
    if kind == Types.BOOLEAN():
        return lambda value: "true" if value else "false"
    convert = to_json(kind)
    return lambda value: str(convert(value))


def _of_text(column: CsvColumn) -> Callable[[str], Any]:
    one = _element_of_text(column.kind)
    separator = column.separator
    if separator is None:
        return one
    return lambda text: [one(part) for part in text.split(separator)]


def _element_of_text(kind: TypeInformation) -> Callable[[str], Any]:
    if kind == Types.BOOLEAN():
        return _boolean
    if kind == Types.STRING():
        return lambda text: text
    convert = from_json(kind)
    return lambda text: convert(text.strip())


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise ValueError(f"{text!r:.100} is no boolean; it is true or false")
    return value
