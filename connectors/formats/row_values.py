"""Records of a file as rows of a type, whatever the program has them as."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from typing import Any

from millstream.common.typeinfo import RowTypeInfo, TypeInformation, Types

__all__ = ["plain_values", "row_type_of"]


def row_type_of(given: Any, what: str) -> RowTypeInfo:
    """The row type that the caller named: a ``Types.ROW_NAMED``, or a dataclass or ``NamedTuple`` class.

    :raises TypeError: it is something else.
    """
    if isinstance(given, RowTypeInfo):
        return given
    if isinstance(given, type) and (dataclasses.is_dataclass(given) or hasattr(given, "_fields")):
        hints = typing.get_type_hints(given)
        names = [field.name for field in dataclasses.fields(given)] if dataclasses.is_dataclass(given) else list(hints)
        return Types.ROW_NAMED(names, [TypeInformation.of(hints[name]) for name in names])
    raise TypeError(f"{what} takes a Types.ROW_NAMED([...], [...]), a dataclass or a NamedTuple class, not {given!r}")


def plain_values(row_type: RowTypeInfo) -> Callable[[Any], list[Any]]:
    """Return what makes a list of field values of a record: a row, tuple, dict or object with these attributes.

    What it returns raises a ``TypeMismatchError`` for a record that is not of the type.
    """
    convert = row_type.conversion()

    def values(record: Any) -> list[Any]:
        row = convert(record)
        if row is None:
            raise TypeError("None is no record of a file")
        return list(row)

    return values
