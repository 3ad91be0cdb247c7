"""Numbers and times in Java's notation, which programs that parse printed streams rely on."""

from __future__ import annotations

import datetime as dt
import math
import struct

__all__ = ["double_text", "float_text", "instant_text", "time_text", "timestamp_text"]

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  # written with a Z by hand


def double_text(value: float) -> str:
    """``Double.toString``: ``1.0``, ``1.0E10``, ``NaN``, ``-Infinity``."""
    return _notation(value, _whole_digits(value, 53) or repr(value))


def float_text(value: float) -> str:
    """``Float.toString``: but for large whole numbers the shortest digits that give the same 32-bit number."""
    if not math.isfinite(value):
        return _notation(value, "")
    single: float = struct.unpack("f", struct.pack("f", value))[0]
    if exact := _whole_digits(single, 24):
        return _notation(single, exact)
    for digits in range(1, 10):
        short = f"{single:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(short)))[0] == single:
            return _notation(float(short), repr(float(short)))
    return _notation(single, repr(single))


def instant_text(seconds: int, nanos: int) -> str:
    """``Instant.toString``: ``1970-01-01T00:00:05.000000006Z``, the fraction in groups of three digits."""
    fraction = f"{nanos:09d}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    try:
        moment = (_EPOCH + dt.timedelta(seconds=seconds)).isoformat()
    except OverflowError:  # years that Python does not know
        return f"Instant<{seconds}, {nanos}>"
    return f"{moment}{'.' if fraction else ''}{fraction}Z"


def timestamp_text(value: dt.datetime) -> str:
    """``java.sql.Timestamp.toString``: ``2020-01-02 03:04:05.0``, at least one digit of the fraction."""
    fraction = f"{value.microsecond:06d}".rstrip("0") or "0"
    return f"{value.replace(microsecond=0, tzinfo=None).isoformat(sep=' ')}.{fraction}"


def time_text(value: dt.time) -> str:
    """``java.sql.Time.toString``: ``03:04:05``, without the fraction."""
    return value.replace(microsecond=0, tzinfo=None).isoformat()


def _whole_digits(value: float, bits: int) -> str:
    """The digits of a number so large that it must be whole, and below ``2**63``; else an empty text.

    Java writes these exactly where others are written as shortly as possible, all digits but those that are beyond
    what a number of so many bits can tell (up to Java 18, which are the ones that Flink runs on).
    """
    if not 2**bits <= abs(value) < 2**63:
        return ""
    number = int(abs(value))
    beyond = int((number.bit_length() - bits - 2) * 0.30103)
    if beyond > 0:
        number = (number + 10**beyond // 2) // 10**beyond * 10**beyond
    digits = str(number)
    return f"{'-' if value < 0 else ''}{digits[0]}.{digits[1:].rstrip('0') or '0'}e{len(digits) - 1}"


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
