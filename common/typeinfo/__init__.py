"""Type information: what the records of a stream are.

Programs make theirs with :class:`Types`. A stream without one holds any Python objects.
"""

from __future__ import annotations

from millstream.common.typeinfo.basic_type_info import BasicType, BasicTypeInfo
from millstream.common.typeinfo.composite_type_info import ListTypeInfo, MapTypeInfo, RowTypeInfo, TupleTypeInfo
from millstream.common.typeinfo.pickled_bytes_type_info import PickledBytesTypeInfo
from millstream.common.typeinfo.type_information import TypeInformation
from millstream.common.typeinfo.types import Types

__all__ = [
    "BasicType",
    "BasicTypeInfo",
    "ListTypeInfo",
    "MapTypeInfo",
    "PickledBytesTypeInfo",
    "RowTypeInfo",
    "TupleTypeInfo",
    "TypeInformation",
    "Types",
]
