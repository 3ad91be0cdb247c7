"""What a type information makes of a value: numbers get their kind, FLOAT has 32 bits, rows get their names.

In PyFlink this happens where values leave Python in a typed stream. Here functions that state an output type pass
their results through such a conversion. It is made once per operator, and nearly all values are of their type already:
telling that comes first and is cheap.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from decimal import Decimal
from numbers import Number, Real
from typing import Any

from millstream.common.errors import MillstreamError

__all__ = [
    "Conversion",
    "TypeMismatchError",
    "compile_conversion",
    "integer_conversion",
    "mismatch",
    "narrowing_conversion",
    "to_boolean",
    "to_double",
    "to_float",
    "to_text",
]

Conversion = Callable[[Any], Any]

_SINGLE = struct.Struct("f")
_SHOWN = 100  # characters of a value


class TypeMismatchError(MillstreamError, TypeError, ValueError):
    """A value is not, and cannot be made, what the stream's type says; the message names both."""


def mismatch(value: Any, expected: str, why: str = "") -> TypeMismatchError:
    """Return the error for a value that is not of the type called ``expected``."""
    try:
        shown = repr(value)
    except Exception as error:  # noqa: BLE001  # a user's __repr__ may raise anything; the mismatch is what matters
        shown = f"<its repr raises {type(error).__qualname__}>"
    if len(shown) > _SHOWN:
        shown = shown[: _SHOWN - 3] + "..."
    return TypeMismatchError(f"{shown} of type {type(value).__qualname__} is no {expected}{': ' if why else ''}{why}")


def compile_conversion(guard: str, slow: Conversion, name: str) -> Conversion:
    """Return a function that gives its argument ``value`` back where ``guard`` is true, else what ``slow`` gives."""
    source = f"def convert(value, slow=slow):\n    if {guard}:\n        return value\n    return slow(value)\n"
    scope: dict[str, Any] = {"slow": slow}
    exec(compile(source, f"<millstream generated conversion to {name}>", "exec"), scope)  # our own text
    convert: Conversion = scope["convert"]
    return convert


def integer_conversion(bits: int, expected: str) -> Conversion:
    """Return what makes a number an int of so many bits, without its fraction; a larger one is refused."""
    lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def convert(value: Any) -> Any:
        if value is None:
            return None
        number = _integer(value, expected)
        if lowest <= number <= highest:
            return number
        raise mismatch(value, expected, f"it needs more than {bits} bits")

    return convert


def _integer(value: Any, expected: str) -> int:
    try:
        if isinstance(value, int):
            return int.__index__(value)
        if isinstance(value, (Real, Decimal)):
            return int(math.trunc(value))  # noqa: RUF046  # mypy takes it for something else
    except (ValueError, OverflowError) as error:  # NaN and infinities
        raise mismatch(value, expected, str(error)) from None
    raise mismatch(value, expected)


def narrowing_conversion(bits: int, expected: str) -> Conversion:
    """Return what makes a number an int of so many bits; of a larger one it keeps the lowest bits, as Java does."""
    lowest, size = -(1 << (bits - 1)), 1 << bits

    def convert(value: Any) -> Any:
        return None if value is None else (_integer(value, expected) - lowest) % size + lowest

    return convert


def to_float(value: Any) -> Any:
    """Round a number to 32 bits; one too large for them is infinite."""
    number = to_double(value, "Float")
    if number is None:
        return None
    try:
        return _SINGLE.unpack(_SINGLE.pack(number))[0]
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def to_double(value: Any, expected: str = "Double") -> Any:
    """Make a number a float."""
    if value is None:
        return None
    if not isinstance(value, (Real, Decimal)):
        raise mismatch(value, expected)
    try:
        return float.__float__(value) if isinstance(value, float) else float(value)
    except OverflowError:
        return math.inf if value == abs(value) else -math.inf
    except ValueError:  # a signaling NaN, which floats have not
        raise mismatch(value, expected) from None


def to_boolean(value: Any) -> Any:
    """Make a number its truth."""
    if value is None:
        return None
    if isinstance(value, Number) or type(value).__name__ in ("bool_", "bool"):  # numpy's is no number
        return bool(value)
    raise mismatch(value, "Boolean")


def to_text(value: Any) -> Any:
    """Make anything a text."""
    return None if value is None else str(value)
