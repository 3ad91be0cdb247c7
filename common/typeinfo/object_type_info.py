"""Types that are described by classes of the user: dataclasses (Flink's POJOs), named tuples (its case classes), enums;
and types around another type.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Sequence
from typing import Any

from millstream.common.typeinfo.columns import ColumnTest, instances_test
from millstream.common.typeinfo.conversion import mismatch
from millstream.common.typeinfo.field_types import field_columns_test, fields_conversion, types_of_fields
from millstream.common.typeinfo.type_information import TypeInformation, text_of
from millstream.common.types.either import Left, Right

__all__ = ["CaseClassTypeInfo", "EitherTypeInfo", "EnumTypeInfo", "ExternalTypeInfo", "PojoTypeInfo"]


class _ClassTypeInfo(TypeInformation):
    """A class with fields."""

    __slots__ = ("_class", "_field_names", "_field_types")

    def __init__(self, cls: type, field_names: Sequence[str], field_types: Sequence[TypeInformation]) -> None:
        self._class = cls
        self._field_names = tuple(field_names)
        self._field_types = types_of_fields(field_types, type(self).__name__)
        if len(self._field_names) != len(self._field_types):
            raise ValueError(f"{len(self._field_names)} field names for {len(self._field_types)} field types")

    def get_type_class(self) -> type:
        return self._class

    def get_field_names(self) -> list[str]:
        return list(self._field_names)

    def get_field_types(self) -> list[TypeInformation]:
        return list(self._field_types)

    def get_field_index(self, field_name: str) -> int:
        """The position of a field, -1 if there is none of this name."""
        return self._field_names.index(field_name) if field_name in self._field_names else -1

    def _parts(self) -> tuple[Any, ...]:
        return (self._class, self._field_names, self._field_types)

    def _fields(self) -> str:
        return ", ".join(f"{name}: {kind}" for name, kind in zip(self._field_names, self._field_types, strict=True))


class PojoTypeInfo(_ClassTypeInfo):
    """Instances of a dataclass. They are taken as they are: their fields are never changed, only checked when they are
    sent.
    """

    __slots__ = ()

    def __init__(
        self, cls: type, field_names: Sequence[str] | None = None, field_types: Sequence[TypeInformation] | None = None
    ) -> None:
        """
        :param field_names: the dataclass's own if left out.
        :param field_types: any objects if left out.
        :raises TypeError: it is no dataclass.
        """
        if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
            raise TypeError(f"POJO takes a dataclass, not {cls!r}")
        own = tuple(field.name for field in dataclasses.fields(cls))
        names = own if field_names is None else tuple(field_names)
        if set(names) != set(own):
            raise ValueError(f"{cls.__qualname__} has the fields {', '.join(own)}, not {', '.join(names)}")
        super().__init__(cls, names, _any_objects(names) if field_types is None else field_types)

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        return _check_of_instances(self._class)

    def column_test(self) -> ColumnTest:
        return instances_test(self._class)

    def __repr__(self) -> str:
        return f"PojoType<{_name(self._class)}, fields = [{self._fields()}]>"


class CaseClassTypeInfo(_ClassTypeInfo):
    """Instances of a named tuple."""

    __slots__ = ()

    def __init__(self, cls: type, field_types: Sequence[TypeInformation] | None = None) -> None:
        """:param field_types: any objects if left out.
        :raises TypeError: it is no named tuple.
        """
        names = getattr(cls, "_fields", None)
        if not (isinstance(cls, type) and issubclass(cls, tuple) and isinstance(names, tuple)):
            raise TypeError(f"CASE_CLASS takes a NamedTuple, not {cls!r}")
        super().__init__(cls, names, _any_objects(names) if field_types is None else field_types)

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        """Tuples and lists become instances, and fields what their types say."""
        cls: Any = self._class
        name, size = cls.__qualname__, len(self._field_names)
        convert_fields = fields_conversion(self._field_types, narrow=narrow)

        def convert(value: Any) -> Any:
            if value is None:
                return None
            if not isinstance(value, (tuple, list)) or len(value) != size:
                raise mismatch(value, name)
            fields = convert_fields(value)
            return fields if type(fields) is cls else cls._make(fields)

        return convert

    def column_test(self) -> ColumnTest:
        return instances_test(self._class, field_columns_test(self._field_types))

    def __repr__(self) -> str:
        return f"{_name(self._class)}({self._fields()})"


class EnumTypeInfo(TypeInformation):
    """Members of an enumeration."""

    __slots__ = ("_class",)

    def __init__(self, cls: type[enum.Enum]) -> None:
        if not (isinstance(cls, type) and issubclass(cls, enum.Enum)):
            raise TypeError(f"ENUM takes an Enum class, not {cls!r}")
        self._class = cls

    def get_type_class(self) -> type[enum.Enum]:
        return self._class

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        return _check_of_instances(self._class)

    def column_test(self) -> ColumnTest:
        return instances_test(self._class)

    def _parts(self) -> tuple[Any, ...]:
        return (self._class,)

    def __repr__(self) -> str:
        return f"EnumTypeInfo<{_name(self._class)}>"


class EitherTypeInfo(TypeInformation):
    """A ``Left`` with a value of the first type or a ``Right`` with one of the second."""

    __slots__ = ("_left_type", "_right_type")

    def __init__(self, left_type: TypeInformation, right_type: TypeInformation) -> None:
        self._left_type, self._right_type = types_of_fields((left_type, right_type), "EITHER")

    def get_left_type(self) -> TypeInformation:
        return self._left_type

    def get_right_type(self) -> TypeInformation:
        return self._right_type

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        sides = {Left: self._left_type.conversion(narrow=narrow), Right: self._right_type.conversion(narrow=narrow)}
        name = repr(self)

        def convert(value: Any) -> Any:
            if value is None:
                return None
            conversion = sides.get(type(value))
            if conversion is None:
                raise mismatch(value, name, "Left(...) or Right(...) is")
            new = conversion(value.value)
            return value if new is value.value else type(value)(new)

        return convert

    def to_text(self, value: Any) -> str:
        if isinstance(value, Left):
            return f"Left({text_of(self._left_type, value.value)})"
        return f"Right({text_of(self._right_type, value.value)})" if isinstance(value, Right) else str(value)

    def text_differs(self) -> bool:
        return self._left_type.text_differs() or self._right_type.text_differs()

    def _parts(self) -> tuple[Any, ...]:
        return (self._left_type, self._right_type)

    def __repr__(self) -> str:
        return f"Either <{self._left_type}, {self._right_type}>"


class ExternalTypeInfo(TypeInformation):
    """The same as the type inside; programs that bridge to tables use it."""

    __slots__ = ("_type_info",)

    def __init__(self, type_info: TypeInformation) -> None:
        (self._type_info,) = types_of_fields((type_info,), "ExternalTypeInfo")

    def get_type_info(self) -> TypeInformation:
        return self._type_info

    def need_conversion(self) -> bool:
        return self._type_info.need_conversion()

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        return self._type_info.conversion(narrow=narrow)

    def batch_conversion(self) -> Callable[[list[Any]], list[Any]]:
        return self._type_info.batch_conversion()

    def column_test(self) -> ColumnTest:
        return self._type_info.column_test()

    def guard(self, variable: str) -> str | None:
        return self._type_info.guard(variable)

    def to_text(self, value: Any) -> str:
        return self._type_info.to_text(value)

    def to_java_text(self, value: Any) -> str:
        return self._type_info.to_java_text(value)

    def text_differs(self) -> bool:
        return self._type_info.text_differs()

    def _parts(self) -> tuple[Any, ...]:
        return (self._type_info,)

    def __repr__(self) -> str:
        return f"ExternalTypeInfo<{self._type_info}>"


def _check_of_instances(cls: type) -> Callable[[Any], Any]:
    name = cls.__qualname__

    def check(value: Any) -> Any:
        if value is None or isinstance(value, cls):
            return value
        raise mismatch(value, name)

    return check


def _any_objects(names: Sequence[str]) -> list[TypeInformation]:
    from millstream.common.typeinfo.pickled_bytes_type_info import PickledBytesTypeInfo

    return [PickledBytesTypeInfo() for _ in names]


def _name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"
