"""Which columns a type has.

Measured: a type has columns where they are faster than pickle, or as fast and smaller. Truths, bytes, lists, arrays and
dicts are pickled, and what is of any type.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from millstream.common.typeinfo import (
    BasicType,
    BasicTypeInfo,
    CaseClassTypeInfo,
    DateTypeInfo,
    ExternalTypeInfo,
    PojoTypeInfo,
    RowTypeInfo,
    TimestampTypeInfo,
    TimeTypeInfo,
    TupleTypeInfo,
    TypeInformation,
)
from millstream.taskmanager.network.columns.column import Column
from millstream.taskmanager.network.columns.number_columns import FloatColumn, IntegerColumn
from millstream.taskmanager.network.columns.object_columns import ObjectColumn
from millstream.taskmanager.network.columns.record_columns import (
    DataclassColumn,
    NamedTupleColumn,
    RowColumn,
    TupleColumn,
    is_plain_dataclass,
)
from millstream.taskmanager.network.columns.text_columns import DecimalColumn, TextColumn
from millstream.taskmanager.network.columns.time_columns import DateColumn, InstantColumn, TimeColumn

__all__ = ["create_column", "has_columns"]

_BITS = {BasicType.BYTE: 8, BasicType.SHORT: 16, BasicType.INT: 32, BasicType.LONG: 64, BasicType.BIG_INT: None}


def create_column(type_info: TypeInformation, *, checked: bool) -> Column:
    """Return the column of a type.

    :param checked: values have not been converted to the type.
    """
    if isinstance(type_info, ExternalTypeInfo):
        return create_column(type_info.get_type_info(), checked=checked)
    if isinstance(type_info, BasicTypeInfo):
        return _basic(type_info.basic_type, checked=checked)
    if isinstance(type_info, DateTypeInfo):
        return DateColumn(checked)
    if isinstance(type_info, TimeTypeInfo):
        return TimeColumn(checked, dt.time)
    if isinstance(type_info, TimestampTypeInfo):
        return TimeColumn(checked, dt.datetime)
    return _record(type_info, checked=checked)


def has_columns(type_info: TypeInformation) -> bool:
    """Whether blocks of the type are anything but one pickle."""
    return not isinstance(create_column(type_info, checked=False), ObjectColumn)


def _basic(kind: BasicType, *, checked: bool) -> Column:
    if kind in _BITS:
        return IntegerColumn(checked, _BITS[kind])
    if kind in (BasicType.FLOAT, BasicType.DOUBLE):
        return FloatColumn(checked, single=kind is BasicType.FLOAT)
    if kind in (BasicType.STRING, BasicType.CHAR):
        return TextColumn(checked)
    if kind is BasicType.BIG_DEC:
        return DecimalColumn(checked)
    return InstantColumn(checked) if kind is BasicType.INSTANT else ObjectColumn()


def _record(type_info: TypeInformation, *, checked: bool) -> Column:
    if isinstance(type_info, RowTypeInfo):
        # Always: a pickled row is twice as large.
        fields = _fields(type_info.get_field_types(), checked=checked)
        return RowColumn(checked, type_info.get_field_names(), fields)
    if isinstance(type_info, TupleTypeInfo):
        fields = _fields(type_info.get_field_types(), checked=checked)
        return TupleColumn(checked, fields) if _worthwhile(fields) else ObjectColumn()
    if isinstance(type_info, CaseClassTypeInfo):
        # Always: the pickle of a named tuple takes ten times as long.
        fields = _fields(type_info.get_field_types(), checked=checked)
        return NamedTupleColumn(checked, type_info.get_type_class(), fields)
    if isinstance(type_info, PojoTypeInfo) and is_plain_dataclass(type_info.get_type_class()):
        # Conversion takes such objects as they are, with any fields, those of a subclass too.
        fields = _fields(type_info.get_field_types(), checked=True)
        if _worthwhile(fields):
            return DataclassColumn(True, type_info.get_type_class(), type_info.get_field_names(), fields)
    return ObjectColumn()


def _worthwhile(fields: Sequence[Column]) -> bool:
    """At least half of the fields have something better than a pickle."""
    return 2 * sum(not isinstance(field, ObjectColumn) for field in fields) >= len(fields)


def _fields(field_types: Sequence[TypeInformation], *, checked: bool) -> list[Column]:
    return [create_column(each, checked=checked) for each in field_types]
