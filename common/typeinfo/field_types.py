"""The types of the fields of tuples, rows and named tuples: how fields are checked, converted and tested together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from millstream.common.typeinfo.columns import ColumnTest, fields_test
from millstream.common.typeinfo.conversion import Conversion
from millstream.common.typeinfo.type_information import TypeInformation

__all__ = ["field_columns_test", "fields_conversion", "fields_guard", "types_of_fields"]


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


def fields_conversion(field_types: Sequence[TypeInformation], *, narrow: bool) -> Conversion:
    """Return what gives a list of the converted fields, or its argument if none of them changes."""
    conversions = [
        (position, of_field.conversion(narrow=narrow))
        for position, of_field in enumerate(field_types)
        if of_field.need_conversion()
    ]

    def convert(fields: Any) -> Any:
        converted: list[Any] | None = None
        for position, conversion in conversions:
            old = fields[position]
            new = conversion(old)
            if new is not old:
                if converted is None:
                    converted = list(fields)
                converted[position] = new
        return fields if converted is None else converted

    return convert


def fields_guard(field_types: Sequence[TypeInformation], variable: str) -> str | None:
    """``" and <test> and <test>"`` for the fields of ``variable``; ``None`` if one of them has no test."""
    tests = [of_field.guard(f"{variable}[{position}]") for position, of_field in enumerate(field_types)]
    if any(test is None for test in tests):
        return None
    return "".join(f" and {test}" for test in tests if test != "True")


def field_columns_test(field_types: Sequence[TypeInformation]) -> ColumnTest:
    """Return the test of what has fields of these types, none of it ``None``."""
    return fields_test(
        len(field_types), [of_field.column_test() if of_field.need_conversion() else None for of_field in field_types]
    )
