"""Reading and replacing one field of a record, whatever kind of record it is."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any

from millstream.common.types import Row

__all__ = ["FieldAccess", "field_access"]


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """One field of one type of records.

    :ivar get: the field's value.
    :ivar replace: a copy of the record with another value there; the record itself stays as it is.
    """

    get: Callable[[Any], Any]
    replace: Callable[[Any, Any], Any]


def field_access(sample: Any, field: int | str, purpose: str) -> FieldAccess:
    """Return the way to ``field`` (a position or a name) in records like ``sample``.

    Tuples (named ones too), lists, rows, dicts, dataclass instances and other objects with attributes have fields;
    anything else is its own field 0.

    :param purpose: for the message.
    :raises TypeError: such records have no such field.
    """
    access = _access(sample, field)
    if access is not None:
        try:
            access.get(sample)
        except (LookupError, AttributeError, TypeError):
            access = None
    if access is None:
        raise TypeError(f"{purpose}({field!r}): a record of type {type(sample).__qualname__} has no such field")
    return access


def _access(sample: Any, field: int | str) -> FieldAccess | None:
    if isinstance(sample, tuple):
        return _tuple_access(sample, field)
    if isinstance(sample, list):
        return FieldAccess(itemgetter(field), _item_setter(field)) if isinstance(field, int) else None
    if isinstance(sample, dict):
        return FieldAccess(itemgetter(field), lambda record, value: {**record, field: value})
    if dataclasses.is_dataclass(sample):
        names = [each.name for each in dataclasses.fields(sample)]
        name = field if isinstance(field, str) else names[field] if -len(names) <= field < len(names) else ""
        return FieldAccess(attrgetter(name), lambda record, value: dataclasses.replace(record, **{name: value}))
    if hasattr(type(sample), "__getitem__") and hasattr(type(sample), "__setitem__"):
        return FieldAccess(itemgetter(field), _item_setter(field))  # Row, and what behaves like it
    if isinstance(field, str):
        return FieldAccess(attrgetter(field), _attribute_setter(field))
    if field == 0:
        return FieldAccess(lambda record: record, lambda _record, value: value)
    return None


def _tuple_access(sample: tuple[Any, ...], field: int | str) -> FieldAccess | None:
    names: tuple[str, ...] | None = getattr(type(sample), "_fields", None)
    if isinstance(field, str):
        if names is None and field[:1] == "f" and field[1:].isdigit():
            return _tuple_access(sample, int(field[1:]))  # Flink's names of tuple fields
        if names is None or field not in names:
            return None
        field = names.index(field)
    if not -len(sample) <= field < len(sample):
        return None
    position = field % len(sample)
    following = position + 1
    if names is not None:
        name = names[position]
        return FieldAccess(itemgetter(position), lambda record, value: record._replace(**{name: value}))
    if position == 0:
        return FieldAccess(itemgetter(0), lambda record, value: (value, *record[1:]))
    return FieldAccess(itemgetter(position), lambda record, value: (*record[:position], value, *record[following:]))


def _item_setter(field: int | str) -> Callable[[Any, Any], Any]:
    def replace(record: Any, value: Any) -> Any:
        fresh = _copy(record)
        fresh[field] = value
        return fresh

    return replace


def _copy(record: Any) -> Any:
    if not isinstance(record, Row):
        return copy.copy(record)
    fresh = Row.of_kind(record.get_row_kind(), *record)  # a shallow copy would share the list of its values
    names = record.get_field_names()
    if names is not None:
        fresh.set_field_names(names)
    return fresh


def _attribute_setter(name: str) -> Callable[[Any, Any], Any]:
    def replace(record: Any, value: Any) -> Any:
        fresh = copy.copy(record)
        setattr(fresh, name, value)
        return fresh

    return replace
