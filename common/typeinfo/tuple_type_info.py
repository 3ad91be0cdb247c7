"""Tuples of fixed size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from millstream.common.typeinfo.columns import ColumnTest, fields_test, instances
from millstream.common.typeinfo.conversion import Conversion, compile_conversion, mismatch
from millstream.common.typeinfo.type_information import TypeInformation, text_of
from millstream.common.types import Row

__all__ = ["TupleTypeInfo", "field_columns_test", "fields_guard", "types_of_fields"]

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
        test = field_columns_test(self._field_types)

        def test_tuples(column: Sequence[Any]) -> bool:
            tuples = instances(column, tuple)
            return tuples is not None and test(tuples)

        return test_tuples

    def _slow_conversion(self, *, narrow: bool) -> Conversion:
        size = len(self._field_types)
        conversions = [
            (position, of_field.conversion(narrow=narrow)) for position, of_field in enumerate(self._field_types)
        ]
        name = repr(self)

        def convert(value: Any) -> Any:
            if value is None:
                return None
            if not isinstance(value, (tuple, list, Row)):
                raise mismatch(value, name)
            if len(value) != size:
                raise mismatch(value, name, f"it has {len(value)} fields, the type {size}")
            fields = list(value)
            changed = type(value) is not tuple
            for position, conversion in conversions:
                old = fields[position]
                new = conversion(old)
                if new is not old:
                    fields[position] = new
                    changed = True
            return tuple(fields) if changed else value

        return convert

    def to_text(self, value: Any) -> str:
        if value is None or len(value) != len(self._field_types):
            return str(value)
        return f"({','.join(map(text_of, self._field_types, value))})"

    def text_differs(self) -> bool:
        return True

    def _parts(self) -> tuple[Any, ...]:
        return self._field_types


def field_columns_test(field_types: Sequence[TypeInformation]) -> ColumnTest:
    """Return the test of what has fields of these types, none of it ``None``."""
    return fields_test(
        len(field_types), [of_field.column_test() if of_field.need_conversion() else None for of_field in field_types]
    )


def fields_guard(field_types: Sequence[TypeInformation], variable: str) -> str | None:
    """``" and <test> and <test>"`` for the fields of ``variable``; ``None`` if one of them has no test."""
    tests = [of_field.guard(f"{variable}[{position}]") for position, of_field in enumerate(field_types)]
    if any(test is None for test in tests):
        return None
    return "".join(f" and {test}" for test in tests if test != "True")


def types_of_fields(field_types: Sequence[TypeInformation], owner: str) -> tuple[TypeInformation, ...]:
    """Check the field types that a program gives.

    :raises TypeError: one is no type information.
    """
    if isinstance(field_types, TypeInformation):
        raise TypeError(f"{owner} takes a list of types, not {field_types!r} alone")
    types = tuple(field_types)
    for each in types:
        if not isinstance(each, TypeInformation):
            raise TypeError(f"{owner} takes a list of types such as [Types.STRING(), Types.INT()]; {each!r} is none")
    return types
