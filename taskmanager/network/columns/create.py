"""Which columns a type has."""

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
from millstream.common.typeinfo.wire_form import packed_in_columns
from millstream.taskmanager.network.columns.column import Column
from millstream.taskmanager.network.columns.number_columns import FloatColumn, IntegerColumn
from millstream.taskmanager.network.columns.object_columns import ObjectColumn
from millstream.taskmanager.network.columns.record_columns import (
    DataclassColumn,
    NamedTupleColumn,
    RowColumn,
    TupleColumn,
)
from millstream.taskmanager.network.columns.text_columns import DecimalColumn, TextColumn
from millstream.taskmanager.network.columns.time_columns import DateColumn, InstantColumn, TimeColumn

__all__ = ["create_column"]

_BITS = {BasicType.BYTE: 8, BasicType.SHORT: 16, BasicType.INT: 32, BasicType.LONG: 64, BasicType.BIG_INT: None}


def create_column(type_info: TypeInformation, *, checked: bool) -> Column:
    """Return the column of a type.

    :param checked: values have not been converted to the type.
    """
    if isinstance(type_info, ExternalTypeInfo):
        return create_column(type_info.get_type_info(), checked=checked)
    if not packed_in_columns(type_info):
        return ObjectColumn()
    if isinstance(type_info, BasicTypeInfo):
        return _basic(type_info.basic_type, checked=checked)
    if isinstance(type_info, DateTypeInfo):
        return DateColumn(checked)
    if isinstance(type_info, TimeTypeInfo):
        return TimeColumn(checked, dt.time)
    if isinstance(type_info, TimestampTypeInfo):
        return TimeColumn(checked, dt.datetime)
    if isinstance(type_info, RowTypeInfo):
        fields = _fields(type_info.get_field_types(), checked=checked)
        return RowColumn(checked, type_info.get_field_names(), fields)
    if isinstance(type_info, TupleTypeInfo):
        return TupleColumn(checked, _fields(type_info.get_field_types(), checked=checked))
    if isinstance(type_info, CaseClassTypeInfo):
        fields = _fields(type_info.get_field_types(), checked=checked)
        return NamedTupleColumn(checked, type_info.get_type_class(), fields)
    if isinstance(type_info, PojoTypeInfo):
        # Conversion takes such objects as they are, with any fields, those of a subclass too.
        fields = _fields(type_info.get_field_types(), checked=True)
        return DataclassColumn(True, type_info.get_type_class(), type_info.get_field_names(), fields)
    raise TypeError(f"{type_info!r} has no column")


def _basic(kind: BasicType, *, checked: bool) -> Column:
    if kind in _BITS:
        return IntegerColumn(checked, _BITS[kind])
    if kind in (BasicType.FLOAT, BasicType.DOUBLE):
        return FloatColumn(checked, single=kind is BasicType.FLOAT)
    if kind is BasicType.BIG_DEC:
        return DecimalColumn(checked)
    return InstantColumn(checked) if kind is BasicType.INSTANT else TextColumn(checked)


def _fields(field_types: Sequence[TypeInformation], *, checked: bool) -> list[Column]:
    return [create_column(each, checked=checked) for each in field_types]
