"""Rows as JSON objects."""

from __future__ import annotations

import json
from typing import Any

from millstream.common import DeserializationSchema, Row, SerializationSchema
from millstream.common.typeinfo import RowTypeInfo, TypeInformation
from millstream.connectors.formats.json_values import from_json, to_json
from millstream.connectors.formats.row_values import row_type_of

__all__ = ["JsonRowDeserializationSchema", "JsonRowSerializationSchema"]


class JsonRowSerializationSchema(SerializationSchema[Any]):
    """One JSON object per row. Made by :meth:`builder`."""

    def __init__(self, row_type: RowTypeInfo) -> None:
        self._row_type = row_type
        self._to_json = to_json(row_type)

    def __reduce__(self) -> tuple[Any, ...]:
        return JsonRowSerializationSchema, (self._row_type,)

    def serialize(self, element: Any) -> bytes:
        return json.dumps(self._to_json(element), ensure_ascii=False, separators=(",", ":")).encode()

    @staticmethod
    def builder() -> JsonRowSerializationSchema.Builder:
        return JsonRowSerializationSchema.Builder()

    class Builder:
        """Builds a :class:`JsonRowSerializationSchema`."""

        def __init__(self) -> None:
            self._row_type: RowTypeInfo | None = None

        def with_type_info(self, type_info: Any) -> JsonRowSerializationSchema.Builder:
            """What the rows are: a ``Types.ROW_NAMED``, or a dataclass or ``NamedTuple`` class."""
            self._row_type = row_type_of(type_info, "with_type_info()")
            return self

        def build(self) -> JsonRowSerializationSchema:
            """Build it.

            :raises ValueError: the type is missing.
            """
            if self._row_type is None:
                raise ValueError("a JsonRowSerializationSchema needs with_type_info()")
            return JsonRowSerializationSchema(self._row_type)


class JsonRowDeserializationSchema(DeserializationSchema[Any]):
    """Rows of JSON objects. Made by :meth:`builder`. Fields that the type does not have are passed over."""

    def __init__(self, row_type: RowTypeInfo, fail_on_missing_field: bool, ignore_parse_errors: bool) -> None:
        self._row_type = row_type
        self._fail_on_missing_field = fail_on_missing_field
        self._ignore_parse_errors = ignore_parse_errors
        self._from_json = from_json(row_type, fail_on_missing_field=fail_on_missing_field)

    def __reduce__(self) -> tuple[Any, ...]:
        return JsonRowDeserializationSchema, (self._row_type, self._fail_on_missing_field, self._ignore_parse_errors)

    def deserialize(self, message: bytes) -> Row | None:
        """The row of a message.

        :raises ValueError: it is no JSON object of this type.
        """
        try:
            value = json.loads(message)
            if not isinstance(value, dict):
                raise ValueError("it is no object")
            row: Row = self._from_json(value)
        except (ValueError, RecursionError) as error:
            if self._ignore_parse_errors:
                return None
            raise ValueError(f"the JSON message {message!r:.200} cannot be read: {error}") from error
        return row

    def get_produced_type(self) -> TypeInformation:
        return self._row_type

    @staticmethod
    def builder() -> JsonRowDeserializationSchema.Builder:
        return JsonRowDeserializationSchema.Builder()

    class Builder:
        """Builds a :class:`JsonRowDeserializationSchema`."""

        def __init__(self) -> None:
            self._row_type: RowTypeInfo | None = None
            self._fail_on_missing_field = False
            self._ignore_parse_errors = False

        def type_info(self, type_info: Any) -> JsonRowDeserializationSchema.Builder:
            """What the rows are: a ``Types.ROW_NAMED``, or a dataclass or ``NamedTuple`` class."""
            self._row_type = row_type_of(type_info, "type_info()")
            return self

        def fail_on_missing_field(self) -> JsonRowDeserializationSchema.Builder:
            """Refuse a message without a field. Default: the field is ``None``."""
            self._fail_on_missing_field = True
            return self

        def ignore_parse_errors(self) -> JsonRowDeserializationSchema.Builder:
            """Leave messages out that cannot be read. Default: the job fails."""
            self._ignore_parse_errors = True
            return self

        def build(self) -> JsonRowDeserializationSchema:
            """Build it.

            :raises ValueError: the type is missing, or both settings are made.
            """
            if self._row_type is None:
                raise ValueError("a JsonRowDeserializationSchema needs type_info()")
            if self._fail_on_missing_field and self._ignore_parse_errors:
                raise ValueError("fail_on_missing_field() and ignore_parse_errors() exclude each other")
            return JsonRowDeserializationSchema(self._row_type, self._fail_on_missing_field, self._ignore_parse_errors)
