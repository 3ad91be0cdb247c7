"""The factory of type informations that programs use."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from millstream.common.typeinfo.basic_type_info import BasicType, BasicTypeInfo
from millstream.common.typeinfo.collection_type_info import (
    BasicArrayTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PrimitiveArrayTypeInfo,
)
from millstream.common.typeinfo.object_type_info import (
    CaseClassTypeInfo,
    EitherTypeInfo,
    EnumTypeInfo,
    PojoTypeInfo,
)
from millstream.common.typeinfo.pickled_bytes_type_info import PickledBytesTypeInfo
from millstream.common.typeinfo.row_type_info import RowTypeInfo
from millstream.common.typeinfo.sql_time_type_info import SqlTimeTypeInfo
from millstream.common.typeinfo.tuple_type_info import TupleTypeInfo
from millstream.common.typeinfo.type_information import TypeInformation

__all__ = ["Types"]


class Types:
    """Makes type informations. The methods' names are PyFlink's, and for classes those of Flink in Java and Scala.

    ``None`` is a value of every type.
    """

    @staticmethod
    def STRING() -> TypeInformation:
        """``str``."""
        return BasicTypeInfo(BasicType.STRING)

    @staticmethod
    def BYTE() -> TypeInformation:
        """An int of 8 bits."""
        return BasicTypeInfo(BasicType.BYTE)

    @staticmethod
    def BOOLEAN() -> TypeInformation:
        """``bool``."""
        return BasicTypeInfo(BasicType.BOOLEAN)

    @staticmethod
    def SHORT() -> TypeInformation:
        """An int of 16 bits."""
        return BasicTypeInfo(BasicType.SHORT)

    @staticmethod
    def INT() -> TypeInformation:
        """An int of 32 bits."""
        return BasicTypeInfo(BasicType.INT)

    @staticmethod
    def LONG() -> TypeInformation:
        """An int of 64 bits."""
        return BasicTypeInfo(BasicType.LONG)

    @staticmethod
    def FLOAT() -> TypeInformation:
        """A float of 32 bits."""
        return BasicTypeInfo(BasicType.FLOAT)

    @staticmethod
    def DOUBLE() -> TypeInformation:
        """A float of 64 bits."""
        return BasicTypeInfo(BasicType.DOUBLE)

    @staticmethod
    def CHAR() -> TypeInformation:
        """A ``str`` of one character."""
        return BasicTypeInfo(BasicType.CHAR)

    @staticmethod
    def BIG_INT() -> TypeInformation:
        """An int of any size."""
        return BasicTypeInfo(BasicType.BIG_INT)

    @staticmethod
    def BIG_DEC() -> TypeInformation:
        """``decimal.Decimal``."""
        return BasicTypeInfo(BasicType.BIG_DEC)

    @staticmethod
    def INSTANT() -> TypeInformation:
        """:class:`~millstream.common.time.Instant`."""
        return BasicTypeInfo.INSTANT_TYPE_INFO()

    @staticmethod
    def SQL_DATE() -> TypeInformation:
        """``datetime.date``."""
        return SqlTimeTypeInfo.DATE()

    @staticmethod
    def SQL_TIME() -> TypeInformation:
        """``datetime.time`` without a zone, to the millisecond."""
        return SqlTimeTypeInfo.TIME()

    @staticmethod
    def SQL_TIMESTAMP() -> TypeInformation:
        """``datetime.datetime`` without a zone, to the millisecond."""
        return SqlTimeTypeInfo.TIMESTAMP()

    @staticmethod
    def PICKLED_BYTE_ARRAY() -> TypeInformation:
        """Any object that can be pickled: the type where none is given."""
        return PickledBytesTypeInfo()

    @staticmethod
    def ROW(field_types: Sequence[TypeInformation]) -> RowTypeInfo:
        """A Row whose fields are called ``f0``, ``f1``, ..."""
        return RowTypeInfo(field_types)

    @staticmethod
    def ROW_NAMED(field_names: Sequence[str], field_types: Sequence[TypeInformation]) -> RowTypeInfo:
        """A Row with named fields."""
        return RowTypeInfo(field_types, field_names)

    @staticmethod
    def TUPLE(field_types: Sequence[TypeInformation]) -> TupleTypeInfo:
        """A tuple of fixed size."""
        return TupleTypeInfo(field_types)

    @staticmethod
    def PRIMITIVE_ARRAY(element_type: TypeInformation) -> PrimitiveArrayTypeInfo:
        """A list of numbers, truths or characters, without ``None``; of ``BYTE``: ``bytes``."""
        return PrimitiveArrayTypeInfo(element_type)

    @staticmethod
    def BASIC_ARRAY(element_type: TypeInformation) -> BasicArrayTypeInfo:
        """A list of basic values or ``None``."""
        return BasicArrayTypeInfo(element_type)

    @staticmethod
    def OBJECT_ARRAY(element_type: TypeInformation) -> ObjectArrayTypeInfo:
        """A list of values of any type, or ``None``."""
        return ObjectArrayTypeInfo(element_type)

    @staticmethod
    def LIST(element_type_info: TypeInformation) -> ListTypeInfo:
        """A list."""
        return ListTypeInfo(element_type_info)

    @staticmethod
    def MAP(key_type_info: TypeInformation, value_type_info: TypeInformation) -> MapTypeInfo:
        """A dict."""
        return MapTypeInfo(key_type_info, value_type_info)

    @staticmethod
    def POJO(pojo_class: type, fields: Mapping[str, TypeInformation] | None = None) -> PojoTypeInfo:
        """Instances of a dataclass.

        :param fields: the types of its fields by name; left out, a field holds any object.
            :func:`~millstream.datastream.type_extraction.type_of` takes them from the class's annotations.
        """
        names = None if fields is None else list(fields)
        return PojoTypeInfo(pojo_class, names, None if fields is None else list(fields.values()))

    @staticmethod
    def CASE_CLASS(case_class: type, field_types: Sequence[TypeInformation] | None = None) -> CaseClassTypeInfo:
        """Instances of a ``NamedTuple``.

        :param field_types: left out, a field holds any object.
        """
        return CaseClassTypeInfo(case_class, field_types)

    @staticmethod
    def ENUM(enum_class: type[enum.Enum]) -> EnumTypeInfo:
        """Members of an enumeration."""
        return EnumTypeInfo(enum_class)

    @staticmethod
    def EITHER(left_type: TypeInformation, right_type: TypeInformation) -> EitherTypeInfo:
        """A ``Left`` of the first type or a ``Right`` of the second (``millstream.common.types``)."""
        return EitherTypeInfo(left_type, right_type)
