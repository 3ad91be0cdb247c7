"""Types of single values."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from typing import Any

from millstream.common.time import Instant
from millstream.common.typeinfo.columns import ColumnTest, floats_test, instances_test, integers_test
from millstream.common.typeinfo.conversion import (
    Conversion,
    compile_conversion,
    integer_conversion,
    mismatch,
    narrowing_conversion,
    to_boolean,
    to_double,
    to_float,
    to_text,
)
from millstream.common.typeinfo.java_text import double_text, float_text, instant_text
from millstream.common.typeinfo.type_information import TypeInformation

__all__ = ["BasicType", "BasicTypeInfo", "InstantTypeInfo"]


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

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        kind = self.basic_type
        if narrow and kind in _BITS:
            slow = narrowing_conversion(_BITS[kind], kind.value)
        else:
            slow = to_text if narrow and kind is BasicType.STRING else _CONVERSIONS[kind]
        guard = self.guard("value")
        return slow if guard is None else compile_conversion(guard, slow, self.basic_type.value)

    def guard(self, variable: str) -> str | None:
        kind = self.basic_type
        bits = _BITS.get(kind)
        if bits is not None:
            limit = 1 << (bits - 1)
            test = f"type({variable}) is int and {-limit} <= {variable} <= {limit - 1}"
        elif kind in _EXACT:
            test = f"type({variable}) is {_EXACT[kind]}"
        else:
            return None
        return f"({test} or {variable} is None)"

    def column_test(self) -> ColumnTest:
        kind = self.basic_type
        if kind in _BITS:
            return integers_test(_BITS[kind])
        if kind is BasicType.FLOAT:
            return floats_test
        return instances_test(_CLASSES[kind]) if kind in _CLASSES else super().column_test()

    def to_text(self, value: Any) -> str:
        if value is None:
            return "null"
        kind = self.basic_type
        if kind is BasicType.BOOLEAN:
            return "true" if value else "false"
        if kind is BasicType.DOUBLE and isinstance(value, (float, int)):
            return double_text(float(value))
        if kind is BasicType.FLOAT and isinstance(value, (float, int)):
            return float_text(float(value))
        if kind is BasicType.INSTANT and isinstance(value, Instant):
            return instant_text(value.seconds, value.nanos)
        return str(value)

    def text_differs(self) -> bool:
        return self.basic_type in (BasicType.BOOLEAN, BasicType.DOUBLE, BasicType.FLOAT, BasicType.INSTANT)

    def _parts(self) -> tuple[Any, ...]:
        return (self.basic_type.value,)

    def __repr__(self) -> str:
        return self.basic_type.value

    @staticmethod
    def STRING_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.STRING)

    @staticmethod
    def BOOLEAN_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.BOOLEAN)

    @staticmethod
    def BYTE_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.BYTE)

    @staticmethod
    def SHORT_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.SHORT)

    @staticmethod
    def INT_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.INT)

    @staticmethod
    def LONG_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.LONG)

    @staticmethod
    def FLOAT_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.FLOAT)

    @staticmethod
    def DOUBLE_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.DOUBLE)

    @staticmethod
    def CHAR_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.CHAR)

    @staticmethod
    def BIG_INT_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.BIG_INT)

    @staticmethod
    def BIG_DEC_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return BasicTypeInfo(BasicType.BIG_DEC)

    @staticmethod
    def INSTANT_TYPE_INFO() -> BasicTypeInfo:  # PyFlink's name
        return InstantTypeInfo(BasicType.INSTANT)


class InstantTypeInfo(BasicTypeInfo):
    """The type of :class:`~millstream.common.time.Instant`."""

    __slots__ = ()

    def __init__(self, basic_type: BasicType = BasicType.INSTANT) -> None:
        super().__init__(basic_type)


def _to_string(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, str):
        raise mismatch(value, "String", "str(...) makes it one")
    return str.__str__(value)  # the plain text of an instance of a subclass


def _to_char(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != 1:
        raise mismatch(value, "Char", "a text of one character is")
    return str.__str__(value)


def _to_big_integer(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, Integral):
        raise mismatch(value, "BigInteger")
    return int(value)


def _to_big_decimal(value: Any) -> Any:
    if value is None or type(value) is Decimal:
        return value
    if isinstance(value, Decimal):
        return Decimal(value)
    if isinstance(value, Integral):
        return Decimal(int(value))
    if isinstance(value, Real):
        return Decimal(str(float(value)))
    raise mismatch(value, "BigDecimal")


def _to_instant(value: Any) -> Any:
    if value is None or isinstance(value, Instant):
        return value
    raise mismatch(value, "Instant")


_BITS = {BasicType.BYTE: 8, BasicType.SHORT: 16, BasicType.INT: 32, BasicType.LONG: 64}
_EXACT = {BasicType.STRING: "str", BasicType.BOOLEAN: "bool", BasicType.DOUBLE: "float", BasicType.BIG_INT: "int"}
_CLASSES = {
    BasicType.STRING: str,
    BasicType.BOOLEAN: bool,
    BasicType.DOUBLE: float,
    BasicType.BIG_INT: int,
    BasicType.BIG_DEC: Decimal,
    BasicType.INSTANT: Instant,
}
"""A value of exactly this class is of the type."""
_CONVERSIONS: dict[BasicType, Conversion] = {
    **{kind: integer_conversion(bits, kind.value) for kind, bits in _BITS.items()},
    BasicType.STRING: _to_string,
    BasicType.BOOLEAN: to_boolean,
    BasicType.FLOAT: to_float,
    BasicType.DOUBLE: to_double,
    BasicType.CHAR: _to_char,
    BasicType.BIG_INT: _to_big_integer,
    BasicType.BIG_DEC: _to_big_decimal,
    BasicType.INSTANT: _to_instant,
}
