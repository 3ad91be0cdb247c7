"""Numbers in Java's notation, which programs that parse printed streams rely on."""

from __future__ import annotations

import math
import struct

__all__ = ["double_text", "float_text"]


def double_text(value: float) -> str:
    """``Double.toString``: ``1.0``, ``1.0E10``, ``NaN``, ``-Infinity``."""
    return _notation(value, repr(value))


def float_text(value: float) -> str:
    """``Float.toString``: the shortest digits that give the same 32-bit number."""
    if not math.isfinite(value):
        return _notation(value, "")
    single: float = struct.unpack("f", struct.pack("f", value))[0]
    for digits in range(1, 10):
        short = f"{single:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(short)))[0] == single:
            return _notation(float(short), repr(float(short)))
    return _notation(single, repr(single))


def _notation(value: float, shortest: str) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return shortest
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = shortest.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent or 0) + len(whole) - 1
    digits = whole + (fraction if fraction != "0" else "")
    stripped = digits.lstrip("0")
    power -= len(digits) - len(stripped) if whole == "0" else 0
    rest = stripped[1:].rstrip("0") or "0"
    return f"{sign}{stripped[0]}.{rest}E{power}"
