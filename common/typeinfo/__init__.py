"""Type information: what the records of a stream are.

Programs make theirs with :class:`Types`. A stream without one holds any Python objects.
"""

from __future__ import annotations

from millstream.common.typeinfo.basic_type_info import BasicType, BasicTypeInfo, InstantTypeInfo
from millstream.common.typeinfo.collection_type_info import (
    BasicArrayTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PrimitiveArrayTypeInfo,
)
from millstream.common.typeinfo.conversion import TypeMismatchError
from millstream.common.typeinfo.object_type_info import (
    CaseClassTypeInfo,
    EitherTypeInfo,
    EnumTypeInfo,
    ExternalTypeInfo,
    PojoTypeInfo,
)
from millstream.common.typeinfo.pickled_bytes_type_info import PickledBytesTypeInfo
from millstream.common.typeinfo.row_type_info import RowTypeInfo
from millstream.common.typeinfo.sql_time_type_info import (
    DateTypeInfo,
    SqlTimeTypeInfo,
    TimestampTypeInfo,
    TimeTypeInfo,
)
from millstream.common.typeinfo.tuple_type_info import TupleTypeInfo
from millstream.common.typeinfo.type_information import TypeInformation
from millstream.common.typeinfo.types import Types

__all__ = [
    "BasicArrayTypeInfo",
    "BasicType",
    "BasicTypeInfo",
    "CaseClassTypeInfo",
    "DateTypeInfo",
    "EitherTypeInfo",
    "EnumTypeInfo",
    "ExternalTypeInfo",
    "InstantTypeInfo",
    "ListTypeInfo",
    "MapTypeInfo",
    "ObjectArrayTypeInfo",
    "PickledBytesTypeInfo",
    "PojoTypeInfo",
    "PrimitiveArrayTypeInfo",
    "RowTypeInfo",
    "SqlTimeTypeInfo",
    "TimeTypeInfo",
    "TimestampTypeInfo",
    "TupleTypeInfo",
    "TypeInformation",
    "TypeMismatchError",
    "Types",
]
