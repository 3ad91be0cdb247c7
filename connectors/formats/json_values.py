"""Values of a type as JSON has them, and back."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
from collections.abc import Callable
from typing import Any

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
from millstream.common.types.row import new_row

__all__ = ["from_json", "to_json"]

_ARRAYS = (ListTypeInfo, BasicArrayTypeInfo, ObjectArrayTypeInfo, PrimitiveArrayTypeInfo)
_INTEGERS = (Types.BYTE(), Types.SHORT(), Types.INT(), Types.LONG(), Types.BIG_INT())
_NUMBERS = (Types.FLOAT(), Types.DOUBLE())


def to_json(kind: TypeInformation) -> Callable[[Any], Any]:
    """Return what brings a value of this type into the form that ``json.dumps`` takes."""
    convert = _to_json(kind)
    return lambda value: None if value is None else convert(value)


def _to_json(kind: TypeInformation) -> Callable[[Any], Any]:
    if isinstance(kind, RowTypeInfo):
        names, inner = kind.get_field_names(), [to_json(each) for each in kind.get_field_types()]
        as_row = kind.conversion()
        return lambda row: {name: to(value) for name, to, value in zip(names, inner, as_row(row), strict=True)}
    if isinstance(kind, MapTypeInfo):
        of_value = to_json(kind.get_value_type_info())
        return lambda entries: {str(key): of_value(value) for key, value in entries.items()}
    if kind == Types.PRIMITIVE_ARRAY(Types.BYTE()):
        return lambda data: base64.b64encode(data).decode()
    if isinstance(kind, _ARRAYS):
        element = to_json(_element_type(kind))
        return lambda items: [element(item) for item in items]
    if kind in (Types.SQL_DATE(), Types.SQL_TIME()):
        return lambda value: value.isoformat()
    if kind == Types.SQL_TIMESTAMP():
        return lambda value: value.isoformat(sep="T")
    if kind == Types.BIG_DEC():
        return str  # a JSON number would be read as a float
    return lambda value: value


def from_json(kind: TypeInformation, *, fail_on_missing_field: bool = False) -> Callable[[Any], Any]:
    """Return what makes a value of this type of what ``json.loads`` gives.

    What it returns raises a ``ValueError`` that says what does not fit.
    """
    convert = _from_json(kind, fail_on_missing_field)

    def or_none(value: Any) -> Any:
        return None if value is None else convert(value)

    return or_none


def _from_json(kind: TypeInformation, strict: bool) -> Callable[[Any], Any]:
    if isinstance(kind, RowTypeInfo):
        return _row_from_json(kind, strict)
    if isinstance(kind, MapTypeInfo):
        of_key, of_value = _from_json(kind.get_key_type_info(), strict), from_json(kind.get_value_type_info())
        return lambda entries: {of_key(key): of_value(value) for key, value in _of(dict, entries, kind).items()}
    if kind == Types.PRIMITIVE_ARRAY(Types.BYTE()):
        return lambda text: base64.b64decode(_of(str, text, kind), validate=True)
    if isinstance(kind, _ARRAYS):
        element = from_json(_element_type(kind), fail_on_missing_field=strict)
        return lambda items: [element(item) for item in _of(list, items, kind)]
    if kind == Types.BOOLEAN():
        return lambda value: _of(bool, value, kind)
    if kind in _INTEGERS:
        return lambda value: _number(int, value, kind)
    if kind in _NUMBERS:
        return lambda value: _number(float, value, kind)
    if kind == Types.BIG_DEC():
        return lambda value: _number(decimal.Decimal, str(value), kind)
    if kind == Types.SQL_DATE():
        return lambda text: dt.date.fromisoformat(_of(str, text, kind))
    if kind == Types.SQL_TIME():
        return lambda text: dt.time.fromisoformat(_of(str, text, kind))
    if kind == Types.SQL_TIMESTAMP():
        return lambda text: dt.datetime.fromisoformat(_of(str, text, kind))
    if kind in (Types.STRING(), Types.CHAR()):
        return lambda value: value if isinstance(value, str) else str(value)
    return kind.conversion()


def _row_from_json(kind: RowTypeInfo, strict: bool) -> Callable[[Any], Any]:
    names = tuple(kind.get_field_names())
    inner = [from_json(each, fail_on_missing_field=strict) for each in kind.get_field_types()]

    def convert(value: Any) -> Any:
        fields = _of(dict, value, kind)
        if strict:
            for name in names:
                if name not in fields:
                    raise ValueError(f"there is no field {name!r}")
        values = []
        for name, of_field in zip(names, inner, strict=True):
            try:
                values.append(of_field(fields.get(name)))
            except ValueError as error:
                raise ValueError(f"field {name!r}: {error}") from error
        return new_row(names, values)

    return convert


def _of(wanted: type, value: Any, kind: TypeInformation) -> Any:
    if isinstance(value, wanted):
        return value
    raise ValueError(f"{value!r:.100} is no {kind}")


def _number(wanted: Callable[[Any], Any], value: Any, kind: TypeInformation) -> Any:
    if isinstance(value, bool) or (wanted is int and isinstance(value, float) and not value.is_integer()):
        raise ValueError(f"{value!r} is no {kind}")
    try:
        return wanted(value)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"{value!r:.100} is no {kind}") from error


def _element_type(kind: Any) -> TypeInformation:
    element: TypeInformation = kind.elem_type if isinstance(kind, ListTypeInfo) else kind.get_element_type()
    return element
