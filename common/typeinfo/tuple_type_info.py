"""Tuples of fixed size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from millstream.common.typeinfo.columns import ColumnTest, instances_test
from millstream.common.typeinfo.conversion import Conversion, compile_conversion, mismatch
from millstream.common.typeinfo.field_types import field_columns_test, fields_conversion, fields_guard, types_of_fields
from millstream.common.typeinfo.type_information import TypeInformation, text_of
from millstream.common.types import Row

__all__ = ["TupleTypeInfo"]

_LONGEST_GUARD = 4000
"""Characters. A deeply nested type is rather converted step by step."""


class TupleTypeInfo(TypeInformation):
    """A tuple of fixed size."""

    __slots__ = ("_field_types",)

    def __init__(self, field_types: Sequence[TypeInformation]) -> None:
        self._field_types = types_of_fields(field_types, "TUPLE")

    def get_field_types(self) -> list[TypeInformation]:
        return list(self._field_types)

    def conversion(self, *, narrow: bool = False) -> Callable[[Any], Any]:
        """Lists, rows and named tuples become tuples, and their fields what their types say."""
        slow = self._slow_conversion(narrow=narrow)
        guard = self.guard("value")
        return slow if guard is None else compile_conversion(guard, slow, "a tuple")

    def guard(self, variable: str) -> str | None:
        fields = fields_guard(self._field_types, variable)
        if fields is None:
            return None
        test = f"type({variable}) is tuple and len({variable}) == {len(self._field_types)}{fields}"
        return f"({test} or {variable} is None)" if len(test) < _LONGEST_GUARD else None

    def column_test(self) -> ColumnTest:
        return instances_test(tuple, field_columns_test(self._field_types))

    def _slow_conversion(self, *, narrow: bool) -> Conversion:
        size = len(self._field_types)
        convert_fields = fields_conversion(self._field_types, narrow=narrow)
        name = repr(self)

        def convert(value: Any) -> Any:
            if value is None:
                return None
            if not isinstance(value, (tuple, list, Row)):
                raise mismatch(value, name)
            if len(value) != size:
                raise mismatch(value, name, f"it has {len(value)} fields, the type {size}")
            fields = convert_fields(value)
            return fields if type(fields) is tuple else tuple(fields)

        return convert

    def to_text(self, value: Any) -> str:
        if value is None or len(value) != len(self._field_types):
            return str(value)
        return f"({','.join(map(text_of, self._field_types, value))})"

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return self._field_types
