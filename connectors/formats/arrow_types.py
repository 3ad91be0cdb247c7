"""Types of records as Arrow has them, and values in the form in which Arrow takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from millstream.common.typeinfo import (
    BasicArrayTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PrimitiveArrayTypeInfo,
    RowTypeInfo,
    TypeInformation,
    Types,
)

__all__ = ["arrow_schema", "from_arrow", "to_arrow"]

_ARRAYS = (ListTypeInfo, BasicArrayTypeInfo, ObjectArrayTypeInfo, PrimitiveArrayTypeInfo)

_BASIC: tuple[tuple[TypeInformation, Any], ...] = (
    (Types.STRING(), pa.string()),
    (Types.CHAR(), pa.string()),
    (Types.BOOLEAN(), pa.bool_()),
    (Types.BYTE(), pa.int8()),
    (Types.SHORT(), pa.int16()),
    (Types.INT(), pa.int32()),
    (Types.LONG(), pa.int64()),
    (Types.FLOAT(), pa.float32()),
    (Types.DOUBLE(), pa.float64()),
    (Types.BIG_DEC(), pa.decimal128(38, 18)),
    (Types.SQL_DATE(), pa.date32()),
    (Types.SQL_TIME(), pa.time64("us")),
    (Types.SQL_TIMESTAMP(), pa.timestamp("us")),
    (Types.PRIMITIVE_ARRAY(Types.BYTE()), pa.binary()),
)


def arrow_schema(row_type: RowTypeInfo) -> pa.Schema:
    """The schema of files with such records.

    :raises TypeError: a field's type is in no file.
    """
    fields = zip(row_type.get_field_names(), row_type.get_field_types(), strict=True)
    return pa.schema([pa.field(name, _arrow_type(kind, name)) for name, kind in fields])


def _arrow_type(kind: TypeInformation, where: str) -> pa.DataType:
    for basic, arrow in _BASIC:
        if kind == basic:
            return arrow
    if isinstance(kind, _ARRAYS):
        return pa.list_(_arrow_type(_element_type(kind), f"{where}[]"))
    if isinstance(kind, MapTypeInfo):
        value = _arrow_type(kind.get_value_type_info(), f"{where}{{}}")
        return pa.map_(_arrow_type(kind.get_key_type_info(), f"{where}{{}}"), value)
    if isinstance(kind, RowTypeInfo):
        names, kinds = kind.get_field_names(), kind.get_field_types()
        return pa.struct(
            [pa.field(name, _arrow_type(each, f"{where}.{name}")) for name, each in zip(names, kinds, strict=True)]
        )
    raise TypeError(
        f"field {where!r} is of the type {kind}, which files do not have; use one of the basic types, SQL dates and "
        "times, arrays, maps and rows"
    )


def to_arrow(kind: TypeInformation) -> Callable[[Any], Any] | None:
    """Return what brings a value of this type into the form that Arrow takes; ``None``: it takes it as it is."""
    if isinstance(kind, RowTypeInfo):
        names = kind.get_field_names()
        inner = [to_arrow(each) for each in kind.get_field_types()]

        def of_row(row: Any) -> Any:
            if row is None:
                return None
            pairs = zip(names, inner, row, strict=True)
            return {name: value if convert is None else convert(value) for name, convert, value in pairs}

        return of_row
    if isinstance(kind, MapTypeInfo):
        key, value = to_arrow(kind.get_key_type_info()), to_arrow(kind.get_value_type_info())

        def of_map(entries: Any) -> Any:
            if entries is None:
                return None
            return [(k if key is None else key(k), v if value is None else value(v)) for k, v in entries.items()]

        return of_map
    if isinstance(kind, _ARRAYS):
        element = to_arrow(_element_type(kind))
        if element is None:
            return None
        return lambda items: None if items is None else [element(item) for item in items]
    return None


def from_arrow(kind: TypeInformation) -> Callable[[Any], Any] | None:
    """Return what brings a value from Arrow into this type; ``None``: it is of the type already."""
    if isinstance(kind, RowTypeInfo):
        convert = kind.conversion()
        inner = [
            (name, from_arrow(each)) for name, each in zip(kind.get_field_names(), kind.get_field_types(), strict=True)
        ]

        def to_row(struct: Any) -> Any:
            if struct is None:
                return None
            return convert({name: struct[name] if deeper is None else deeper(struct[name]) for name, deeper in inner})

        return to_row
    if isinstance(kind, MapTypeInfo):
        key, value = from_arrow(kind.get_key_type_info()), from_arrow(kind.get_value_type_info())

        def to_map(pairs: Any) -> Any:
            if pairs is None:
                return None
            return {k if key is None else key(k): v if value is None else value(v) for k, v in pairs}

        return to_map
    if isinstance(kind, _ARRAYS):
        element = from_arrow(_element_type(kind))
        if element is None:
            return None
        return lambda items: None if items is None else [element(item) for item in items]
    return None


def _element_type(kind: Any) -> TypeInformation:
    element: TypeInformation = kind.elem_type if isinstance(kind, ListTypeInfo) else kind.get_element_type()
    return element
