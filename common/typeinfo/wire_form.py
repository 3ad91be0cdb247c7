"""How records of a type are sent to another slot: packed by columns, or pickled.

Measured: columns are chosen where they are faster than pickle, or as fast and smaller. The network builds its encoders
by what is said here, and the execution plan shows it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from millstream.common.typeinfo.basic_type_info import BasicType, BasicTypeInfo
from millstream.common.typeinfo.object_type_info import CaseClassTypeInfo, ExternalTypeInfo, PojoTypeInfo
from millstream.common.typeinfo.row_type_info import RowTypeInfo
from millstream.common.typeinfo.sql_time_type_info import DateTypeInfo, TimestampTypeInfo, TimeTypeInfo
from millstream.common.typeinfo.tuple_type_info import TupleTypeInfo
from millstream.common.typeinfo.type_information import TypeInformation

__all__ = ["packed_in_columns"]


def packed_in_columns(type_info: TypeInformation) -> bool:
    """Whether blocks of the type are packed by columns; else they are pickled."""
    if isinstance(type_info, ExternalTypeInfo):
        return packed_in_columns(type_info.get_type_info())
    if isinstance(type_info, BasicTypeInfo):
        return type_info.basic_type is not BasicType.BOOLEAN
    if isinstance(type_info, TupleTypeInfo):
        return _worthwhile(type_info.get_field_types())
    if isinstance(type_info, PojoTypeInfo):
        return _is_plain(type_info.get_type_class()) and _worthwhile(type_info.get_field_types())
    # Rows and named tuples always: pickled rows are twice as large, and named tuples take four times as long.
    return isinstance(type_info, (RowTypeInfo, CaseClassTypeInfo, DateTypeInfo, TimeTypeInfo, TimestampTypeInfo))


def _worthwhile(field_types: Sequence[TypeInformation]) -> bool:
    """At least half of the fields, and one, have something better than a pickle."""
    return len(field_types) > 0 and 2 * sum(map(packed_in_columns, field_types)) >= len(field_types)


def _is_plain(cls: type) -> bool:
    """Whether an instance of a dataclass is nothing but its ``__dict__``, to pickle and to a column."""
    if not dataclasses.fields(cls):
        return False
    if any("__slots__" in vars(base) for base in cls.__mro__ if base is not object):
        return False
    customised = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__")
    hooks = (*customised, "__new__", "__getattribute__")
    return all(getattr(cls, name, None) is getattr(object, name, None) for name in hooks)
