"""Keys and fields by position and by name.

``key_by(0)``, ``key_by(0, 2)``, ``key_by("id")``, ``key_by("address.zip")``, ``key_by("f0.f1")``, ``key_by("2")``,
``key_by("_1")``, ``key_by("birthday._")`` and ``key_by("*")`` become plain callables that can be pickled, and where
possible ones that run in C.

A name is a key of a dict, a field of a Row or an attribute (dataclass, NamedTuple, any object). In a tuple, a list or a
Row without names a number is a position from 0, ``f0`` is the first, and ``_1`` is the first too. Where both are
possible a field that really has the name comes first.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any

from millstream.common.types import Row
from millstream.datastream.call_site import call_site

__all__ = ["AllFields", "FieldPath", "FieldTuple", "Positions", "field_getter", "field_key_selector", "projection"]

_WILDCARDS = ("*", "_")
_POSITION = re.compile(r"(?:f(?P<java>\d+)|_(?P<scala>[1-9]\d*)|(?P<plain>\d+))\Z")
_IDENTIFIER = re.compile(r"[^\W\d][\w$]*\Z|\d+\Z")


def field_key_selector(fields: tuple[int | str, ...]) -> Callable[[Any], Any]:
    """The key selector for these fields: one gives its value as the key, several a tuple of theirs.

    :raises ValueError: an expression cannot be read, or there is none.
    :raises TypeError: a field is neither a position nor an expression.
    """
    if not fields:
        raise ValueError(f"{call_site()}: key_by needs at least one field")
    if all(isinstance(field, int) and not isinstance(field, bool) for field in fields):
        return itemgetter(*(_position(field) for field in fields))
    getters = tuple(field_getter(field) for field in fields)
    return getters[0] if len(getters) == 1 else FieldTuple(getters)


def field_getter(field: int | str) -> Callable[[Any], Any]:
    """A callable that takes one field out of a record.

    :raises ValueError: the expression cannot be read.
    :raises TypeError: it is neither a position nor an expression.
    """
    if isinstance(field, bool) or not isinstance(field, (int, str)):
        raise TypeError(f"{call_site()}: a field is a position (int) or an expression (str), not {field!r}")
    if isinstance(field, int):
        return itemgetter(_position(field))
    parts = field.strip().split(".")
    names, last = parts[:-1], parts[-1]
    for part in parts:
        if not _IDENTIFIER.match(part) and not (part is last and part in _WILDCARDS):
            raise ValueError(
                f"{call_site()}: invalid field expression {field!r}: expected names, positions, f0 or _1, parted by "
                "dots, with * or _ at the end for all fields"
            )
    if last in _WILDCARDS:
        return AllFields(tuple(names))
    return FieldPath(tuple(parts))


def projection(field_indexes: tuple[int, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """A callable that makes a tuple of these positions of a record."""
    positions = tuple(_position(index) for index in field_indexes)
    if not positions:
        raise ValueError(f"{call_site()}: project needs at least one field index")
    return itemgetter(*positions) if len(positions) > 1 else Positions(positions)


def _position(field: Any) -> int:
    if isinstance(field, bool) or not isinstance(field, int):
        raise TypeError(f"{call_site()}: a field position is an int, not {field!r}")
    if field < 0:
        raise ValueError(f"{call_site()}: a field position must not be negative: {field}")
    return field


class Positions:
    """The values at some positions, as a tuple also where it is one."""

    __slots__ = ("positions",)

    def __init__(self, positions: tuple[int, ...]) -> None:
        self.positions = positions

    def __call__(self, value: Any) -> tuple[Any, ...]:
        return tuple(value[position] for position in self.positions)

    def __reduce__(self) -> tuple[Any, ...]:
        return Positions, (self.positions,)


class FieldTuple:
    """What several getters give, as a tuple."""

    __slots__ = ("getters",)

    def __init__(self, getters: tuple[Callable[[Any], Any], ...]) -> None:
        self.getters = getters

    def __call__(self, value: Any) -> tuple[Any, ...]:
        return tuple([getter(value) for getter in self.getters])

    def __reduce__(self) -> tuple[Any, ...]:
        return FieldTuple, (self.getters,)


class FieldPath:
    """A field, or a field of a field of a record.

    How a name is looked up depends on the record's class only, so it is found out once per class.
    """

    __slots__ = ("_steps", "path")

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        self._steps: tuple[tuple[str, dict[type, Callable[[Any], Any]]], ...] = tuple((name, {}) for name in path)

    def __call__(self, value: Any) -> Any:
        for name, getters in self._steps:
            kind = type(value)
            getter = getters.get(kind)
            if getter is None:
                getter = getters[kind] = _getter_for(kind, name)
            value = getter(value)
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return FieldPath, (self.path,)

    def __repr__(self) -> str:
        return f"FieldPath({'.'.join(self.path)!r})"


class AllFields:
    """All fields of a record, or of a field of it, as a tuple; a value without fields is its own only field."""

    __slots__ = ("path",)

    def __init__(self, path: tuple[str, ...] = ()) -> None:
        self.path = path

    def __call__(self, value: Any) -> Any:
        for name in self.path:
            value = _field(value, name)
        return _flat(value)

    def __reduce__(self) -> tuple[Any, ...]:
        return AllFields, (self.path,)


def _getter_for(kind: type, name: str) -> Callable[[Any], Any]:
    """The quickest way to a field of instances of ``kind``."""
    if issubclass(kind, tuple) and name in getattr(kind, "_fields", ()):
        return attrgetter(name)
    if name in getattr(kind, "__dataclass_fields__", ()):
        return attrgetter(name)
    position = _position_of(name)
    if kind in (tuple, list) and position is not None:
        return itemgetter(position)
    return partial(_field_named, name)


def _field_named(name: str, value: Any) -> Any:
    return _field(value, name)


def _position_of(name: str) -> int | None:
    match = _POSITION.match(name)
    if match is None:
        return None
    return int(match["scala"]) - 1 if match["scala"] else int(match["java"] or match["plain"])


def _field(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        raise KeyError(f"no field {name!r} in {_kind(value)} with the keys {', '.join(map(repr, list(value)[:20]))}")
    if isinstance(value, (tuple, list, Row)):
        names = value.get_field_names() if isinstance(value, Row) else getattr(value, "_fields", None)
        if names is not None and name in names:
            return value[list(names).index(name)]
        position = _position_of(name)
        if position is not None and position < len(value):
            return value[position]
        raise KeyError(f"no field {name!r} in {_kind(value)} of {len(value)} fields")
    try:
        return getattr(value, name)
    except AttributeError:
        raise KeyError(f"no field {name!r} in {_kind(value)}") from None


def _flat(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(value[key] for key in sorted(value, key=str))
    if isinstance(value, (tuple, list, Row)):
        return tuple(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return tuple(getattr(value, each.name) for each in dataclasses.fields(value))
    attributes = getattr(value, "__dict__", None)
    if attributes:
        return tuple(attributes[key] for key in sorted(attributes))
    return value


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
