"""Type informations from Python's own types: annotations, classes, and sample values.

Nothing is converted by what is found here unless the program asks for it (``output_type=TypeInformation.of(...)``): a
stream without a declared type holds any objects.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime as dt
import enum
import types
import typing
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from millstream.common.time import Instant
from millstream.common.typeinfo.collection_type_info import ListTypeInfo, MapTypeInfo
from millstream.common.typeinfo.object_type_info import CaseClassTypeInfo, EnumTypeInfo, PojoTypeInfo
from millstream.common.typeinfo.pickled_bytes_type_info import PickledBytesTypeInfo
from millstream.common.typeinfo.row_type_info import RowTypeInfo
from millstream.common.typeinfo.tuple_type_info import TupleTypeInfo
from millstream.common.typeinfo.type_information import TypeInformation
from millstream.common.typeinfo.types import Types
from millstream.common.types import Row

__all__ = ["type_of_hint", "type_of_value", "type_of_values"]

_ANY = PickledBytesTypeInfo()
_SIMPLE: dict[Any, TypeInformation] = {
    str: Types.STRING(),
    bool: Types.BOOLEAN(),
    int: Types.LONG(),
    float: Types.DOUBLE(),
    bytes: Types.PRIMITIVE_ARRAY(Types.BYTE()),
    Decimal: Types.BIG_DEC(),
    Instant: Types.INSTANT(),
    dt.date: Types.SQL_DATE(),
    dt.time: Types.SQL_TIME(),
    dt.datetime: Types.SQL_TIMESTAMP(),
}
_LISTS = (list, collections.abc.Sequence, collections.abc.MutableSequence)
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_LONGEST_LONG = 64  # bits


def type_of_hint(hint: Any) -> TypeInformation:
    """Return the type information of a class or an annotation.

    ``int`` gives LONG, ``float`` DOUBLE, ``X | None`` what ``X`` gives, a dataclass a POJO, a ``NamedTuple`` a case
    class, ``Annotated[int, Types.INT()]`` the type in it. Of what has no type of its own (``Any``, other classes,
    unions) the values are any objects.
    """
    return _of_hint(hint, ())


def _of_hint(hint: Any, inside: tuple[Any, ...]) -> TypeInformation:
    if isinstance(hint, TypeInformation):
        return hint
    origin = typing.get_origin(hint)
    if origin is None:
        return _of_class(hint, inside)
    arguments = typing.get_args(hint)
    if origin is typing.Annotated:
        stated = [each for each in arguments[1:] if isinstance(each, TypeInformation)]
        return stated[0] if stated else _of_hint(arguments[0], inside)
    if origin is typing.Union or origin is types.UnionType:
        real = [each for each in arguments if each is not type(None)]
        return _of_hint(real[0], inside) if len(real) == 1 else _ANY
    if origin is typing.Literal:
        return type_of_values(arguments)
    if origin is tuple:
        if Ellipsis in arguments:
            return _ANY
        return TupleTypeInfo([] if arguments == ((),) else [_of_hint(each, inside) for each in arguments])
    if origin in _LISTS:
        return ListTypeInfo(_of_hint(arguments[0], inside))
    if origin in _MAPS:
        return MapTypeInfo(_of_hint(arguments[0], inside), _of_hint(arguments[1], inside))
    return _of_class(origin, inside)


def _of_class(cls: Any, inside: tuple[Any, ...]) -> TypeInformation:
    simple = _SIMPLE.get(cls) if isinstance(cls, type) else None
    if simple is not None:
        return simple
    if isinstance(cls, typing.NewType):
        return _of_hint(cls.__supertype__, inside)
    if not isinstance(cls, type) or cls in inside:  # one that holds itself has no end
        return _ANY
    if issubclass(cls, enum.Enum):
        return EnumTypeInfo(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        hints = _hints(cls)
        return CaseClassTypeInfo(cls, [_of_hint(hints.get(name, Any), (*inside, cls)) for name in cls._fields])
    if dataclasses.is_dataclass(cls):
        hints = _hints(cls)
        names = [field.name for field in dataclasses.fields(cls)]
        return PojoTypeInfo(cls, names, [_of_hint(hints.get(name, Any), (*inside, cls)) for name in names])
    return _ANY


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError):  # names that exist for a type checker only
        return {}


class _Unknown(PickledBytesTypeInfo):
    """Where only ``None`` has been seen so far."""

    __slots__ = ()


_UNKNOWN = _Unknown()


def type_of_value(value: Any) -> TypeInformation:
    """Return the type information of a sample value; ``None`` is of any type."""
    return _settled(_of_value(value))


def type_of_values(values: Iterable[Any]) -> TypeInformation:
    """Return the type information that all samples have in common; that of any objects if there is none."""
    return _settled(_of_values(values))


def _of_values(values: Iterable[Any]) -> TypeInformation:
    common: TypeInformation = _UNKNOWN
    for value in values:
        common = _merged(common, _of_value(value))
    return common


def _of_value(value: Any) -> TypeInformation:
    kind = type(value)
    if value is None:
        return _UNKNOWN
    if kind is int:
        return Types.LONG() if value.bit_length() < _LONGEST_LONG else Types.BIG_INT()
    if kind is tuple:
        return TupleTypeInfo([_of_value(each) for each in value])
    if kind is list:
        return ListTypeInfo(_of_values(value))
    if kind is dict:
        return MapTypeInfo(_of_values(value), _of_values(value.values()))
    if kind is Row:
        return RowTypeInfo([_of_value(each) for each in value], value.get_field_names())
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return CaseClassTypeInfo(kind, [_of_value(each) for each in value])
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return PojoTypeInfo(kind, names, [_of_value(getattr(value, name, None)) for name in names])
    found = _of_class(kind, ())
    # A time of day with a zone or with microseconds is more than what SQL knows.
    return found if found.conversion()(value) is value else _ANY


def _merged(one: TypeInformation, other: TypeInformation) -> TypeInformation:
    """The type of the values of both."""
    if one == other or other == _UNKNOWN:
        return one
    if one == _UNKNOWN:
        return other
    if {one, other} == {Types.LONG(), Types.BIG_INT()}:
        return Types.BIG_INT()
    if type(one) is type(other):
        mine, others = _parts(one), _parts(other)
        if mine is not None and others is not None and mine[0] == others[0] and len(mine[1]) == len(others[1]):
            return _rebuilt(one, list(map(_merged, mine[1], others[1])))
    return _ANY


def _settled(found: TypeInformation) -> TypeInformation:
    """The type with any objects where nothing has been seen."""
    if found == _UNKNOWN:
        return _ANY
    parts = _parts(found)
    return found if parts is None else _rebuilt(found, list(map(_settled, parts[1])))


def _parts(found: TypeInformation) -> tuple[Any, list[TypeInformation]] | None:
    """What two types must have in common for their inner types to be merged, and these; ``None``: it has none."""
    if isinstance(found, TupleTypeInfo):
        return None, found.get_field_types()
    if isinstance(found, RowTypeInfo):
        return found.get_field_names(), found.get_field_types()
    if isinstance(found, (CaseClassTypeInfo, PojoTypeInfo)):
        return found.get_type_class(), found.get_field_types()
    if isinstance(found, ListTypeInfo):
        return None, [found.elem_type]
    if isinstance(found, MapTypeInfo):
        return None, [found.get_key_type_info(), found.get_value_type_info()]
    return None


def _rebuilt(like: TypeInformation, inner: list[TypeInformation]) -> TypeInformation:
    if isinstance(like, TupleTypeInfo):
        return TupleTypeInfo(inner)
    if isinstance(like, RowTypeInfo):
        return RowTypeInfo(inner, like.get_field_names())
    if isinstance(like, CaseClassTypeInfo):
        return CaseClassTypeInfo(like.get_type_class(), inner)
    if isinstance(like, PojoTypeInfo):
        return PojoTypeInfo(like.get_type_class(), like.get_field_names(), inner)
    return ListTypeInfo(inner[0]) if isinstance(like, ListTypeInfo) else MapTypeInfo(inner[0], inner[1])
