"""Python values as Arrow's, and back: records become structs, dicts become maps.

Nobody checks what a program puts into its state, so the types are those of the values, not those that were declared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Final

import pyarrow as pa

from millstream.common.errors import MillstreamError
from millstream.common.types.row import Row
from millstream.datastream.window import CountWindow, GlobalWindow, TimeWindow

__all__ = ["UnlikeValuesError", "arrow_array", "infer_type", "unified"]

_TEXT: Final = {str, GlobalWindow}
_BYTES: Final = {bytes, bytearray, memoryview}
_LISTS: Final = (list, set, frozenset)


class UnlikeValuesError(MillstreamError):
    """Values cannot stand in one column."""


def infer_type(values: Iterable[Any]) -> pa.DataType:
    """The type of a column of these values; ``null`` if all of them are ``None``.

    :raises UnlikeValuesError: there is none.
    """
    present = [value for value in values if value is not None]
    kinds = set(map(type, present))
    if not kinds:
        return pa.null()
    if kinds == {bool}:
        return pa.bool_()
    if kinds <= {int, float}:
        return _number_type(present, float in kinds)
    if kinds <= _TEXT or all(issubclass(kind, Enum) for kind in kinds):
        return pa.string()
    if kinds <= _BYTES:
        return pa.binary()
    if all(issubclass(kind, dict) for kind in kinds):
        return pa.map_(
            infer_type(key for value in present for key in value),
            infer_type(item for value in present for item in value.values()),
        )
    if all(issubclass(kind, _LISTS) for kind in kinds):
        return pa.list_(infer_type(item for value in present for item in value))
    taken_apart = [_fields_of(value) for value in present]
    if all(fields is not None for fields in taken_apart):
        names = dict.fromkeys(name for fields in taken_apart for name in fields or ())
        return pa.struct([(name, infer_type((fields or {}).get(name) for fields in taken_apart)) for name in names])
    if len(kinds) == 1:
        try:
            return pa.infer_type(present)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            pass  # as said below
    raise UnlikeValuesError(f"values of {_named(kinds)} cannot stand in one column")


def unified(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """The type of a column in which values of both stand.

    :raises UnlikeValuesError: there is none.
    """
    if first == second or pa.types.is_null(second):
        return first
    if pa.types.is_null(first):
        return second
    if {first, second} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if pa.types.is_decimal(first) and second == pa.int64():
        return first
    if pa.types.is_decimal(second) and first == pa.int64():
        return second
    if pa.types.is_struct(first) and pa.types.is_struct(second):
        fields = {field.name: field.type for field in first}
        for field in second:
            fields[field.name] = unified(fields[field.name], field.type) if field.name in fields else field.type
        return pa.struct(list(fields.items()))
    if pa.types.is_map(first) and pa.types.is_map(second):
        return pa.map_(unified(first.key_type, second.key_type), unified(first.item_type, second.item_type))
    if pa.types.is_list(first) and pa.types.is_list(second):
        return pa.list_(unified(first.value_type, second.value_type))
    raise UnlikeValuesError(f"values of {first} and of {second} cannot stand in one column")


def arrow_array(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    """A column of these values.

    :raises UnlikeValuesError: one of them is not of the type.
    """
    try:
        return pa.array([_plain(value, type_) for value in values], type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError, ValueError) as error:
        raise UnlikeValuesError(f"values cannot stand in a column of {type_}: {error}") from error


def _number_type(values: list[Any], floats: bool) -> pa.DataType:
    if floats:
        return pa.float64()
    if all(-(2**63) <= value < 2**63 for value in values):
        return pa.int64()
    if all(abs(value) < 10**38 for value in values):
        return pa.decimal128(38, 0)
    raise UnlikeValuesError("whole numbers of more than 38 digits cannot stand in a column")


def _plain(value: Any, type_: pa.DataType) -> Any:
    """What pyarrow takes for a value of this type."""
    if value is None or type(value) in (int, float, str, bytes, bool):
        return value
    if pa.types.is_struct(type_):
        fields = _fields_of(value)
        if fields is None:
            raise TypeError(f"{value!r} has no fields")
        return {field.name: _plain(fields.get(field.name), field.type) for field in type_}
    if pa.types.is_map(type_) and isinstance(value, dict):
        return [(_plain(key, type_.key_type), _plain(item, type_.item_type)) for key, item in value.items()]
    if pa.types.is_list(type_) and isinstance(value, _LISTS):
        return [_plain(item, type_.value_type) for item in value]
    if isinstance(value, Enum):
        return value.name
    return str(value) if isinstance(value, GlobalWindow) else value


def _fields_of(value: Any) -> dict[str, Any] | None:
    """The fields of a record by name; ``None``: it is not one."""
    if isinstance(value, Row):
        names = value.get_field_names()
        fields = list(value)
        return dict(zip(names or [f"f{index}" for index in range(len(fields))], fields, strict=True))
    if isinstance(value, tuple):
        named = getattr(value, "_fields", None) or [f"f{index}" for index in range(len(value))]
        return dict(zip(named, value, strict=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, TimeWindow):
        return {"start": value.start, "end": value.end}
    if isinstance(value, CountWindow):
        return {"id": value.id}
    return None


def _named(kinds: set[type]) -> str:
    return " and ".join(sorted(kind.__qualname__ for kind in kinds))
