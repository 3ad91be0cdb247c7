"""Types that are made of other types: tuples, rows, lists, maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from millstream.common.typeinfo.conversion import tuple_conversion
from millstream.common.typeinfo.type_information import TypeInformation, text_of
from millstream.common.types import Row, RowKind

__all__ = ["ListTypeInfo", "MapTypeInfo", "RowTypeInfo", "TupleTypeInfo"]


class TupleTypeInfo(TypeInformation):
    """A tuple of fixed size."""

    __slots__ = ("_field_types",)

    def __init__(self, field_types: Sequence[TypeInformation]) -> None:
        self._field_types = tuple(field_types)

    def get_field_types(self) -> list[TypeInformation]:
        return list(self._field_types)

    def need_conversion(self) -> bool:
        return True

    def to_internal_type(self, obj: Any) -> Any:
        return self.conversion()(obj)

    def conversion(self) -> Callable[[Any], Any]:
        return tuple_conversion(self._field_types)

    def to_text(self, value: Any) -> str:
        if value is None or len(value) != len(self._field_types):
            return str(value)
        return f"({','.join(map(text_of, self._field_types, value))})"

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return self._field_types


class RowTypeInfo(TypeInformation):
    """A :class:`~millstream.common.types.Row`; without names the fields are ``f0``, ``f1``, ..."""

    __slots__ = ("_field_names", "_field_types")

    def __init__(self, field_types: Sequence[TypeInformation], field_names: Sequence[str] | None = None) -> None:
        self._field_types = tuple(field_types)
        self._field_names = (
            tuple(field_names) if field_names is not None else tuple(f"f{i}" for i in range(len(self._field_types)))
        )
        if len(self._field_names) != len(self._field_types):
            raise ValueError(f"{len(self._field_names)} field names for {len(self._field_types)} field types")
        if len(set(self._field_names)) != len(self._field_names):
            raise ValueError(f"a field name comes twice in {self._field_names}")

    def get_field_names(self) -> list[str]:
        return list(self._field_names)

    def get_field_index(self, field_name: str) -> int:
        """The position of a field, -1 if there is none of this name."""
        return self._field_names.index(field_name) if field_name in self._field_names else -1

    def get_field_types(self) -> list[TypeInformation]:
        return list(self._field_types)

    def need_conversion(self) -> bool:
        return True

    def to_internal_type(self, obj: Any) -> Any:
        """Rows, tuples, lists and dicts become rows with these names.

        :raises ValueError: there are more or fewer fields than types.
        :raises TypeError: it is something else.
        """
        if obj is None:
            return None
        if isinstance(obj, dict):
            values: Sequence[Any] = [obj.get(name) for name in self._field_names]
        elif isinstance(obj, Row):
            names = obj.get_field_names()
            by_name = names is not None and set(names) == set(self._field_names)
            values = obj.get_fields_by_names(self.get_field_names()) if by_name else list(obj)
        elif isinstance(obj, (tuple, list)):
            values = obj
        else:
            raise TypeError(f"{obj!r} cannot be a row of {self!r}; give a Row, a tuple or a dict")
        row = Row(*_converted(self._field_types, values))
        row.set_field_names(self.get_field_names())
        row.set_row_kind(obj.get_row_kind() if isinstance(obj, Row) else RowKind.INSERT)
        return row

    def to_text(self, value: Any) -> str:
        if value is None:
            return str(value)
        kind = value.get_row_kind().short_string if isinstance(value, Row) else "+I"
        fields = value.values() if isinstance(value, dict) else value
        return f"{kind}[{','.join(map(str, fields))}]"

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return (self._field_names, self._field_types)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}: {kind}" for name, kind in zip(self._field_names, self._field_types, strict=True))
        return f"RowTypeInfo({fields})"


class ListTypeInfo(TypeInformation):
    """A list of elements of one type."""

    __slots__ = ("elem_type",)

    def __init__(self, element_type: TypeInformation) -> None:
        self.elem_type = element_type

    def need_conversion(self) -> bool:
        return self.elem_type.need_conversion()

    def to_internal_type(self, obj: Any) -> Any:
        if obj is None or not self.need_conversion():
            return obj
        return [self.elem_type.to_internal_type(item) for item in obj]

    def to_text(self, value: Any) -> str:
        return f"[{', '.join(text_of(self.elem_type, item) for item in value)}]" if value is not None else "null"

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return (self.elem_type,)


class MapTypeInfo(TypeInformation):
    """A dict with keys of one type and values of one type."""

    __slots__ = ("_key_type_info", "_value_type_info")

    def __init__(self, key_type_info: TypeInformation, value_type_info: TypeInformation) -> None:
        self._key_type_info = key_type_info
        self._value_type_info = value_type_info

    def need_conversion(self) -> bool:
        return self._key_type_info.need_conversion() or self._value_type_info.need_conversion()

    def to_internal_type(self, obj: Any) -> Any:
        if obj is None or not self.need_conversion():
            return obj
        key, value = self._key_type_info.to_internal_type, self._value_type_info.to_internal_type
        return {key(k): value(v) for k, v in obj.items()}

    def to_text(self, value: Any) -> str:
        if value is None:
            return "null"
        items = (f"{text_of(self._key_type_info, k)}={text_of(self._value_type_info, v)}" for k, v in value.items())
        return f"{{{', '.join(items)}}}"

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return (self._key_type_info, self._value_type_info)


def _converted(field_types: tuple[TypeInformation, ...], values: Sequence[Any]) -> list[Any]:
    if len(values) != len(field_types):
        raise ValueError(f"{len(values)} fields in {values!r} for {len(field_types)} field types")
    return [field_type.to_internal_type(value) for field_type, value in zip(field_types, values, strict=True)]
