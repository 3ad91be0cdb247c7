"""Rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from millstream.common.typeinfo.columns import ColumnTest, convert_each, instances_test
from millstream.common.typeinfo.conversion import compile_conversion, mismatch
from millstream.common.typeinfo.field_types import field_columns_test, fields_conversion, fields_guard, types_of_fields
from millstream.common.typeinfo.type_information import TypeInformation, text_of
from millstream.common.types.row import Row, new_row, new_rows
from millstream.common.types.row_kind import RowKind

__all__ = ["RowTypeInfo"]


class RowTypeInfo(TypeInformation):
    """A :class:`~millstream.common.types.Row`; without names the fields are ``f0``, ``f1``, ..."""

    __slots__ = ("_field_names", "_field_types", "_named")

    def __init__(self, field_types: Sequence[TypeInformation], field_names: Sequence[str] | None = None) -> None:
        self._field_types = types_of_fields(field_types, "ROW")
        self._named = field_names is not None
        self._field_names = (
            tuple(field_names) if field_names is not None else tuple(f"f{i}" for i in range(len(self._field_types)))
        )
        if len(self._field_names) != len(self._field_types):
            raise ValueError(f"{len(self._field_names)} field names for {len(self._field_types)} field types")
        if len(set(self._field_names)) != len(self._field_names):
            raise ValueError(f"a field name comes twice in {self._field_names}")

    def get_field_names(self) -> list[str]:
        return list(self._field_names)

    def get_field_index(self, field_name: str) -> int:
        """The position of a field, -1 if there is none of this name."""
        return self._field_names.index(field_name) if field_name in self._field_names else -1

    def get_field_types(self) -> list[TypeInformation]:
        return list(self._field_types)

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        """Rows, tuples, lists, dicts and objects with these attributes become rows with these names.

        A row with names is taken by name, one without by position.
        """
        names, expected = self._field_names, repr(self)
        size = len(names)
        fields_of = _fields_of(names, expected)
        convert_fields = _fields_conversion(self._field_types, narrow=narrow)
        insert = RowKind.INSERT

        def convert(value: Any) -> Any:
            if value is None:
                return None
            if type(value) is Row:
                own = value._names
                kind = value._row_kind
                fields = value._values if own is None or own == names else fields_of(value)
            else:
                own = None
                kind = value.get_row_kind() if isinstance(value, Row) else insert
                fields = value if type(value) is tuple else fields_of(value)
            if len(fields) != size:
                raise mismatch(value, expected, f"it has {len(fields)} fields, the type {size}")
            converted = convert_fields(fields)
            if converted is fields:
                return value if own == names else new_row(names, list(fields), kind)
            return new_row(names, converted, kind)

        return convert

    def batch_conversion(self) -> Callable[[list[Any]], list[Any]]:
        """Where only names are missing, they are given to all rows at once."""
        names, test_fields = self._field_names, field_columns_test(self._field_types)
        convert = self.conversion()

        def convert_all(values: list[Any]) -> list[Any]:
            kind = type(values[0]) if values else None
            if (kind is tuple or kind is Row) and list(map(type, values)).count(kind) == len(values):
                if kind is tuple:
                    if test_fields(values):
                        return new_rows(names, map(list, values), None)
                else:
                    own = {row._names for row in values}
                    fields = [row._values for row in values]
                    if own == {names} and test_fields(fields):
                        return values
                    if own == {None} and test_fields(fields):
                        return new_rows(names, map(list, fields), [row._row_kind for row in values])
            return convert_each(convert, values)

        return convert_all

    def column_test(self) -> ColumnTest:
        names, test_fields = self._field_names, field_columns_test(self._field_types)

        def test_rows(rows: Sequence[Any]) -> bool:
            return all(row._names == names for row in rows) and test_fields([row._values for row in rows])

        return instances_test(Row, test_rows)

    def to_text(self, value: Any) -> str:
        if value is None:
            return str(value)
        kind = value.get_row_kind().short_string if isinstance(value, Row) else "+I"
        fields = value.values() if isinstance(value, dict) else value
        return f"{kind}[{','.join(map(str, fields))}]"

    def to_java_text(self, value: Any) -> str:
        if not isinstance(value, Row) or len(value) != len(self._field_types):
            return self.to_text(value)
        fields = map(text_of, self._field_types, value)
        return f"{value.get_row_kind().short_string}[{', '.join(fields)}]"

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return (self._field_names, self._field_types)

    def __repr__(self) -> str:
        if not self._named:
            return f"RowTypeInfo({', '.join(map(repr, self._field_types))})"
        fields = ", ".join(f"{name}: {kind}" for name, kind in zip(self._field_names, self._field_types, strict=True))
        return f"RowTypeInfo({fields})"


def _fields_of(names: tuple[str, ...], expected: str) -> Callable[[Any], Sequence[Any]]:
    """Return what takes the fields out of anything that can be a row with these names."""
    known = set(names)

    def fields_of(value: Any) -> Sequence[Any]:
        if isinstance(value, dict):
            return [value.get(name) for name in names]
        if isinstance(value, Row):
            own = value.get_field_names()
            if own is None:
                return list(value)
            if not known.issubset(own):
                raise mismatch(value, expected, f"it has the fields {', '.join(own)}, the type {', '.join(names)}")
            return value.get_fields_by_names(names)
        if isinstance(value, (tuple, list)):
            return value
        if hasattr(value, "__dict__") and not isinstance(value, type):
            attributes = vars(value)
            if known.intersection(attributes):
                return [attributes.get(name) for name in names]
        raise mismatch(value, expected, "a Row, a tuple, a list or a dict can be one")

    return fields_of


def _fields_conversion(field_types: Sequence[TypeInformation], *, narrow: bool) -> Callable[[Sequence[Any]], Any]:
    """Return what gives the converted fields, or its argument if none of them changes."""
    slow = fields_conversion(field_types, narrow=narrow)
    guard = fields_guard(field_types, "value")
    return compile_conversion(guard.removeprefix(" and "), slow, "a row's fields") if guard else slow
