"""Lists, dicts and arrays.

There are no arrays in Python: values of array types are lists, and ``bytes`` for an array of bytes. The three kinds of
arrays differ in Java only; here they are checked alike, but for ``None`` among the elements, which an array of
primitive values cannot have.
"""

from __future__ import annotations

import array
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import is_
from typing import Any

from millstream.common.typeinfo.basic_type_info import BasicType, BasicTypeInfo
from millstream.common.typeinfo.columns import ColumnTest, elements_test, instances, instances_test
from millstream.common.typeinfo.conversion import mismatch
from millstream.common.typeinfo.type_information import TypeInformation, text_of

__all__ = [
    "BasicArrayTypeInfo",
    "ListTypeInfo",
    "MapTypeInfo",
    "ObjectArrayTypeInfo",
    "PrimitiveArrayTypeInfo",
    "is_byte_array",
]

_PRIMITIVE = frozenset(
    {
        BasicType.BOOLEAN,
        BasicType.BYTE,
        BasicType.SHORT,
        BasicType.INT,
        BasicType.LONG,
        BasicType.FLOAT,
        BasicType.DOUBLE,
        BasicType.CHAR,
    }
)


class ListTypeInfo(TypeInformation):
    """A list of elements of one type."""

    __slots__ = ("elem_type",)

    def __init__(self, element_type: TypeInformation) -> None:
        self.elem_type = _checked(element_type, "LIST")

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        """Tuples and other sequences but texts become lists."""
        return _list_conversion(self.elem_type, repr(self), nullable=True, narrow=narrow)

    def column_test(self) -> ColumnTest:
        return _list_test(self.elem_type)

    def to_text(self, value: Any) -> str:
        return _list_text(self.elem_type, value)

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return (self.elem_type,)

    def __repr__(self) -> str:
        return f"ListTypeInfo<{self.elem_type}>"


class MapTypeInfo(TypeInformation):
    """A dict with keys of one type and values of one type."""

    __slots__ = ("_key_type_info", "_value_type_info")

    def __init__(self, key_type_info: TypeInformation, value_type_info: TypeInformation) -> None:
        self._key_type_info = _checked(key_type_info, "MAP")
        self._value_type_info = _checked(value_type_info, "MAP")

    def get_key_type_info(self) -> TypeInformation:
        return self._key_type_info

    def get_value_type_info(self) -> TypeInformation:
        return self._value_type_info

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        key, value_of = self._key_type_info.conversion(narrow=narrow), self._value_type_info.conversion(narrow=narrow)
        name = repr(self)

        def convert(value: Any) -> Any:
            if value is None:
                return None
            if not isinstance(value, Mapping):
                raise mismatch(value, name)
            changed = type(value) is not dict
            converted = {}
            for old_key, old_value in value.items():
                new_key, new_value = key(old_key), value_of(old_value)
                changed = changed or new_key is not old_key or new_value is not old_value
                converted[new_key] = new_value
            return converted if changed else value

        return convert

    def column_test(self) -> ColumnTest:
        test_keys = elements_test(dict, _inner_test(self._key_type_info))
        test_values = _inner_test(self._value_type_info)

        def test(column: Sequence[Any]) -> bool:
            dicts = instances(column, dict)
            if dicts is None or not test_keys(dicts):
                return False
            return test_values is None or test_values(list(chain.from_iterable(map(dict.values, dicts))))

        return test

    def to_text(self, value: Any) -> str:
        if value is None:
            return "null"
        items = (f"{text_of(self._key_type_info, k)}={text_of(self._value_type_info, v)}" for k, v in value.items())
        return f"{{{', '.join(items)}}}"

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return (self._key_type_info, self._value_type_info)

    def __repr__(self) -> str:
        return f"MapTypeInfo<{self._key_type_info}, {self._value_type_info}>"


class PrimitiveArrayTypeInfo(TypeInformation):
    """A list of numbers, truths or characters, none of them ``None``; ``bytes`` if the elements are bytes."""

    __slots__ = ("_element_type",)

    def __init__(self, element_type: TypeInformation) -> None:
        self._element_type = _checked(element_type, "PRIMITIVE_ARRAY")
        if not isinstance(element_type, BasicTypeInfo) or element_type.basic_type not in _PRIMITIVE:
            raise TypeError(f"Invalid element type for a primitive array: {element_type!r}")

    def get_element_type(self) -> TypeInformation:
        return self._element_type

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        if is_byte_array(self):
            return _to_bytes
        return _list_conversion(self._element_type, repr(self), nullable=False, narrow=narrow)

    def column_test(self) -> ColumnTest:
        return instances_test(bytes) if is_byte_array(self) else _list_test(self._element_type, nullable=False)

    def to_text(self, value: Any) -> str:
        if isinstance(value, (bytes, bytearray)):
            value = [byte - 256 if byte > 127 else byte for byte in value]
        return _list_text(self._element_type, value)

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return (self._element_type,)

    def __repr__(self) -> str:
        return f"PrimitiveArrayTypeInfo<{self._element_type}>"


class BasicArrayTypeInfo(TypeInformation):
    """A list of basic values or ``None``."""

    __slots__ = ("_element_type",)

    def __init__(self, element_type: TypeInformation) -> None:
        self._element_type = _checked(element_type, "BASIC_ARRAY")
        if not isinstance(element_type, BasicTypeInfo) or element_type.basic_type not in {
            *_PRIMITIVE,
            BasicType.STRING,
        }:
            raise TypeError(f"Invalid element type for a basic array: {element_type!r}")

    def get_element_type(self) -> TypeInformation:
        return self._element_type

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        return _list_conversion(self._element_type, repr(self), nullable=True, narrow=narrow)

    def column_test(self) -> ColumnTest:
        return _list_test(self._element_type)

    def to_text(self, value: Any) -> str:
        return _list_text(self._element_type, value)

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return (self._element_type,)

    def __repr__(self) -> str:
        return f"BasicArrayTypeInfo<{self._element_type}>"


class ObjectArrayTypeInfo(TypeInformation):
    """A list of values of any type, or ``None``."""

    __slots__ = ("_element_type",)

    def __init__(self, element_type: TypeInformation) -> None:
        self._element_type = _checked(element_type, "OBJECT_ARRAY")

    def get_element_type(self) -> TypeInformation:
        return self._element_type

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        return _list_conversion(self._element_type, repr(self), nullable=True, narrow=narrow)

    def column_test(self) -> ColumnTest:
        return _list_test(self._element_type)

    def to_text(self, value: Any) -> str:
        return _list_text(self._element_type, value)

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return (self._element_type,)

    def __repr__(self) -> str:
        return f"ObjectArrayTypeInfo<{self._element_type}>"


def is_byte_array(type_info: TypeInformation) -> bool:
    """Whether values are ``bytes``."""
    if not isinstance(type_info, PrimitiveArrayTypeInfo):
        return False
    element = type_info.get_element_type()
    return isinstance(element, BasicTypeInfo) and element.basic_type is BasicType.BYTE


def _checked(element_type: TypeInformation, owner: str) -> TypeInformation:
    if not isinstance(element_type, TypeInformation):
        raise TypeError(f"{owner} takes a type such as Types.STRING(), not {element_type!r}")
    return element_type


def _list_conversion(element_type: TypeInformation, name: str, *, nullable: bool, narrow: bool) -> Callable[[Any], Any]:
    conversion = element_type.conversion(narrow=narrow) if element_type.need_conversion() else None

    def convert(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not list:
            if not isinstance(value, (list, tuple, array.array)) and not hasattr(value, "__array__"):
                raise mismatch(value, name)
            values = list(value)
        else:
            values = value
        if not nullable and None in values:
            raise mismatch(value, name, "None is no element of it")
        if conversion is None:
            return values
        converted = list(map(conversion, values))
        same = all(map(is_, values, converted))
        return values if same else converted

    return convert


def _inner_test(element_type: TypeInformation) -> ColumnTest | None:
    return element_type.column_test() if element_type.need_conversion() else None


def _list_test(element_type: TypeInformation, *, nullable: bool = True) -> ColumnTest:
    return elements_test(list, _inner_test(element_type), nullable=nullable)


def _to_bytes(value: Any) -> Any:
    if value is None or type(value) is bytes:
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, (list, tuple)):
        try:
            return bytes(number % 256 if -128 <= number < 0 else number for number in value)
        except (TypeError, ValueError) as error:
            raise mismatch(value, "PrimitiveArrayTypeInfo<Byte>", str(error)) from None
    raise mismatch(value, "PrimitiveArrayTypeInfo<Byte>", "bytes are one")


def _list_text(element_type: TypeInformation, value: Any) -> str:
    if value is None:
        return "null"
    return f"[{', '.join(text_of(element_type, item) for item in value)}]"
