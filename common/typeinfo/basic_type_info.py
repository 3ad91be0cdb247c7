"""Types of single values."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from millstream.common.typeinfo.conversion import integer_conversion, to_boolean, to_double, to_float
from millstream.common.typeinfo.java_text import double_text, float_text
from millstream.common.typeinfo.type_information import TypeInformation

__all__ = ["BasicType", "BasicTypeInfo"]


class BasicType(Enum):
    """The basic types by their names in the field."""

    STRING = "String"
    BYTE = "Byte"
    BOOLEAN = "Boolean"
    SHORT = "Short"
    INT = "Integer"
    LONG = "Long"
    FLOAT = "Float"
    DOUBLE = "Double"
    CHAR = "Char"
    BIG_INT = "BigInteger"
    BIG_DEC = "BigDecimal"
    INSTANT = "Instant"


class BasicTypeInfo(TypeInformation):
    """The type of a single value."""

    __slots__ = ("basic_type",)

    def __init__(self, basic_type: BasicType) -> None:
        self.basic_type = basic_type

    def need_conversion(self) -> bool:
        return self.basic_type in _CONVERSIONS

    def to_internal_type(self, obj: Any) -> Any:
        return self.conversion()(obj)

    def conversion(self) -> Callable[[Any], Any]:
        return _CONVERSIONS.get(self.basic_type, _same)

    def to_text(self, value: Any) -> str:
        if value is None:
            return "null"
        if self.basic_type is BasicType.BOOLEAN:
            return "true" if value else "false"
        if self.basic_type is BasicType.DOUBLE and isinstance(value, (float, int)):
            return double_text(float(value))
        if self.basic_type is BasicType.FLOAT and isinstance(value, (float, int)):
            return float_text(float(value))
        return str(value)

    def text_differs(self) -> bool:
        return self.basic_type in (BasicType.BOOLEAN, BasicType.DOUBLE, BasicType.FLOAT)

    def _parts(self) -> tuple[Any, ...]:
        return (self.basic_type.value,)

    def __repr__(self) -> str:
        return self.basic_type.value

    @staticmethod
    def STRING_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.STRING]

    @staticmethod
    def BOOLEAN_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.BOOLEAN]

    @staticmethod
    def BYTE_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.BYTE]

    @staticmethod
    def SHORT_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.SHORT]

    @staticmethod
    def INT_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.INT]

    @staticmethod
    def LONG_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.LONG]

    @staticmethod
    def FLOAT_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.FLOAT]

    @staticmethod
    def DOUBLE_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.DOUBLE]

    @staticmethod
    def CHAR_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.CHAR]

    @staticmethod
    def BIG_INT_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.BIG_INT]

    @staticmethod
    def BIG_DEC_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return _BASIC[BasicType.BIG_DEC]


def _same(value: Any) -> Any:
    return value


_CONVERSIONS: dict[BasicType, Callable[[Any], Any]] = {
    BasicType.BOOLEAN: to_boolean,
    BasicType.BYTE: integer_conversion(8),
    BasicType.SHORT: integer_conversion(16),
    BasicType.INT: integer_conversion(32),
    BasicType.LONG: integer_conversion(64),
    BasicType.FLOAT: to_float,
    BasicType.DOUBLE: to_double,
}
_BASIC = {basic_type: BasicTypeInfo(basic_type) for basic_type in BasicType}
