"""What a type information makes of a value: integers wrap at their width, FLOAT has 32 bits, rows get their names.

In Flink this happens where values leave Python in a typed stream. Here functions that state an output type pass their
results through such a conversion, so it is made once per operator and looks only at fields that it may change.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millstream.common.typeinfo.type_information import TypeInformation

__all__ = ["integer_conversion", "to_boolean", "to_double", "to_float", "tuple_conversion"]

Conversion = Callable[[Any], Any]

_SINGLE = struct.Struct("f")


def integer_conversion(bits: int) -> Conversion:
    """Return what wraps an int as Java's integer of so many bits does; anything but an int stays as it is."""
    lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    modulus = 1 << bits

    def convert(value: Any) -> Any:
        if not isinstance(value, int) or lowest <= value <= highest:
            return value
        return (value - lowest) % modulus + lowest

    return convert


def to_float(value: Any) -> Any:
    """Round a number to 32 bits; one too large for them is infinite."""
    if not isinstance(value, (int, float)):
        return value
    try:
        return _SINGLE.unpack(_SINGLE.pack(float(value)))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def to_double(value: Any) -> Any:
    """Make an int a float."""
    return float(value) if isinstance(value, int) else value


def to_boolean(value: Any) -> Any:
    """Make a value its truth, except ``None``."""
    return value if value is None else bool(value)


def tuple_conversion(field_types: Sequence[TypeInformation]) -> Conversion:
    """Return what converts the fields of a tuple; the tuple stays the same object if no field changes."""
    size = len(field_types)
    conversions = [
        (position, field_type.conversion())
        for position, field_type in enumerate(field_types)
        if field_type.need_conversion()
    ]

    def convert(value: Any) -> Any:
        if value is None:
            return None
        if len(value) != size:
            raise ValueError(f"{len(value)} fields in {value!r} for {size} field types")
        fields: list[Any] | None = None if isinstance(value, tuple) else list(value)
        for position, conversion in conversions:
            old = value[position]
            new = conversion(old)
            if new is not old:
                if fields is None:
                    fields = list(value)
                fields[position] = new
        return value if fields is None else tuple(fields)

    return convert
