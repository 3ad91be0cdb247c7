"""A hash of keys that every process, machine and Python version agrees on.

``hash()`` will not do: strings and bytes are salted per process. Records of one key must meet in one subtask wherever
they come from, and a savepoint must find its keys again years later, so this hash is part of Millstream's format:
**it must never change**.

Keys that are equal in Python have equal hashes here, as dictionaries of keyed state need it: ``1 == 1.0 == True ==
Decimal(1)``, a named tuple equals a tuple, a ``(str, Enum)`` member equals its string. All NaNs hash alike.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import math
import numbers
import sys
import uuid
import weakref
import zlib
from array import array
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, Final

from millstream.common.types.row import Row, values_by_name

__all__ = ["UnsupportedKeyTypeError", "stable_hash", "stable_hashes"]

# Numbers are hashed by their residue modulo this prime (as CPython itself does), because it gives equal numbers equal
# hashes whatever their type: a quotient n/d becomes n * d^-1.
_PRIME: Final = 2**61 - 1
_NAN: Final = zlib.crc32(b"number:nan")
_INFINITE: Final = _PRIME  # no residue has this value

_Hasher = Callable[[Any], int]


class UnsupportedKeyTypeError(TypeError):
    """A key has no hash that all processes agree on; the message names the type and the mend.

    :ivar record_index: which record of its batch has the key; ``None``: not known.
    """

    record_index: int | None = None

    def __init__(self, key: object) -> None:
        cls = type(key)
        name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
        mends: dict[type, str] = {
            list: "use tuple(...) of it as the key",
            set: "use frozenset(...) of it as the key",
            dict: "use tuple(sorted(mapping.items())) as the key",
            bytearray: "use bytes(...) of it as the key",
        }
        mend = mends.get(
            cls,
            "return a str, int, float, bytes, tuple or frozen dataclass from the key selector, "
            "or give the class a method __stable_key__() that returns one",
        )
        super().__init__(f"Type {name} cannot be used as a key (in key_by): its hash is not stable. Mend: {mend}.")


def _finish(value: int) -> int:
    """Spread every bit of a 32-bit value over all bits (the finalizer of MurmurHash3)."""
    value ^= value >> 16
    value = value * 0x85EBCA6B & 0xFFFFFFFF
    value ^= value >> 13
    value = value * 0xC2B2AE35 & 0xFFFFFFFF
    return value ^ value >> 16


def _hash_residue(negative: bool, residue: int) -> int:
    return zlib.crc32(b"number:-" if negative else b"number:+", zlib.crc32(residue.to_bytes(8, "little")))


def _hash_int(key: int) -> int:
    return _hash_residue(False, key % _PRIME) if key >= 0 else _hash_residue(True, -key % _PRIME)


def _hash_ratio(numerator: int, denominator: int) -> int:
    inverse_of = denominator % _PRIME
    residue = _INFINITE if inverse_of == 0 else abs(numerator) * pow(inverse_of, _PRIME - 2, _PRIME) % _PRIME
    return _hash_residue(numerator < 0, residue)


def _hash_float(key: float) -> int:
    if key.is_integer():
        return _hash_int(int(key))
    if key != key:
        return _NAN
    if math.isinf(key):
        return _hash_residue(key < 0, _INFINITE)
    return _hash_ratio(*key.as_integer_ratio())


def _hash_fraction(key: fractions.Fraction) -> int:
    return _hash_ratio(key.numerator, key.denominator)


def _hash_decimal(key: decimal.Decimal) -> int:
    if key.is_nan():
        return _NAN
    if key.is_infinite():
        return _hash_residue(key < 0, _INFINITE)
    sign, digits, exponent = key.as_tuple()
    # The power is taken modulo the prime: Decimal("1E+999999") is not written out in full.
    power = pow(10 if int(exponent) >= 0 else pow(10, _PRIME - 2, _PRIME), abs(int(exponent)), _PRIME)
    magnitude = int("".join(map(str, digits)))
    return _hash_residue(bool(sign) and magnitude != 0, magnitude * power % _PRIME)


def _hash_complex(key: complex) -> int:
    if key.imag == 0:
        return _hash_float(key.real)
    return _combine(b"complex", [_hash_float(key.real), _hash_float(key.imag)])


def _hash_str(key: str) -> int:
    return zlib.crc32(b"str", zlib.crc32(str.encode(key, "utf-8", "surrogatepass")))


def _hash_bytes(key: bytes) -> int:
    return zlib.crc32(b"bytes", zlib.crc32(key))


def _hash_none(_: None) -> int:
    return zlib.crc32(b"none")


def _combine(tag: bytes, parts: list[int]) -> int:
    # The parts are finished first: a checksum is linear, and ("a", "b") must not follow from "a" and "b" alone.
    state = zlib.crc32(tag)
    for part in parts:
        state = zlib.crc32(_finish(part).to_bytes(4, "little"), state)
    return state


def _hash_tuple(key: tuple[Any, ...]) -> int:
    return _combine(b"tuple", [_raw(part) for part in key])


def _hash_frozenset(key: frozenset[Any]) -> int:
    return _combine(b"frozenset", sorted(_raw(part) for part in key))


def _hash_enum(key: enum.Enum) -> int:
    return _combine(b"enum", [_hash_str(type(key).__qualname__), _hash_str(key.name or repr(key.value))])


def _hash_dataclass(key: Any) -> int:
    names = [field.name for field in dataclasses.fields(key) if field.compare]
    parts = [_raw(getattr(key, name)) for name in names]
    return _combine(b"dataclass", [_hash_str(type(key).__qualname__), *parts])


def _hash_row(key: Row) -> int:
    # By name: rows with the same names are equal whatever the order of their fields.
    return _combine(b"row", [_raw(part) for part in values_by_name(key)])


def _hash_stable_key(key: Any) -> int:
    return _combine(b"object", [_raw(key.__stable_key__())])


def _hash_datetime(key: dt.datetime) -> int:
    offset = key.utcoffset()
    if offset is None:
        return _combine(b"datetime", [_hash_str(key.replace(fold=0).isoformat())])
    # Aware ones are equal when they are the same instant; counted by hand since year 1 minus an offset overflows.
    since = key.replace(tzinfo=dt.timezone.utc) - dt.datetime.min.replace(tzinfo=dt.timezone.utc)
    return _combine(b"instant", [_hash_timedelta(since - offset)])


def _hash_date(key: dt.date) -> int:
    return _combine(b"date", [_hash_int(key.toordinal())])


def _hash_timedelta(key: dt.timedelta) -> int:
    return _combine(b"timedelta", [_hash_int((key.days * 86_400 + key.seconds) * 1_000_000 + key.microseconds)])


def _hash_time(key: dt.time) -> int:
    offset = key.utcoffset()
    since = dt.timedelta(hours=key.hour, minutes=key.minute, seconds=key.second, microseconds=key.microsecond)
    return _combine(b"time" if offset is None else b"awaretime", [_hash_timedelta(since - (offset or since * 0))])


def _hash_uuid(key: uuid.UUID) -> int:
    return _combine(b"uuid", [_hash_bytes(key.bytes)])


_EXACT: dict[type, _Hasher] = {
    str: _hash_str,
    int: _hash_int,
    bool: _hash_int,
    float: _hash_float,
    bytes: _hash_bytes,
    tuple: _hash_tuple,
    frozenset: _hash_frozenset,
    type(None): _hash_none,
    decimal.Decimal: _hash_decimal,
    fractions.Fraction: _hash_fraction,
    complex: _hash_complex,
    dt.datetime: _hash_datetime,
    dt.date: _hash_date,
    dt.time: _hash_time,
    dt.timedelta: _hash_timedelta,
    uuid.UUID: _hash_uuid,
    Row: _hash_row,
}

# Subclasses of these are equal to instances of the base, so they hash as the base: in this order.
_BASES: Final[tuple[tuple[type, _Hasher], ...]] = (
    (str, _hash_str),
    (bytes, _hash_bytes),
    (int, _hash_int),
    (float, _hash_float),
    (complex, _hash_complex),
    (decimal.Decimal, _hash_decimal),
    (fractions.Fraction, _hash_fraction),
    (tuple, _hash_tuple),
    (frozenset, _hash_frozenset),
    (dt.datetime, _hash_datetime),
    (dt.date, _hash_date),
    (dt.time, _hash_time),
    (dt.timedelta, _hash_timedelta),
    (uuid.UUID, _hash_uuid),
    (Row, _hash_row),
)

# What was found out about other types. Weak, so that classes that came with a job can go with it.
_resolved: weakref.WeakKeyDictionary[type, _Hasher] = weakref.WeakKeyDictionary()


def _resolve(key: object) -> _Hasher:
    cls = type(key)
    if cls.__hash__ is None:
        raise UnsupportedKeyTypeError(key)
    if callable(getattr(cls, "__stable_key__", None)):
        return _hash_stable_key
    for base, hasher in _BASES:
        if issubclass(cls, base):
            # A subclass with an equality of its own (say, one that ignores case) would not be served by the base's.
            equality: Any = base.__eq__
            if cls.__eq__ is not equality and not dataclasses.is_dataclass(cls):
                break
            if not dataclasses.is_dataclass(cls):
                return hasher
    if issubclass(cls, enum.Enum):
        return _hash_enum
    # eq=False leaves equality by identity, which no other process knows.
    if dataclasses.is_dataclass(cls) and getattr(cls, "__dataclass_params__").eq:  # noqa: B009  # unknown to mypy
        return _hash_dataclass
    if issubclass(cls, numbers.Integral):
        return lambda number: _hash_int(int(number))
    if issubclass(cls, numbers.Real):
        return lambda number: _hash_float(float(number))
    raise UnsupportedKeyTypeError(key)


def _raw(key: Any) -> int:
    hasher = _EXACT.get(type(key))
    if hasher is None:
        cls = type(key)
        hasher = _resolved.get(cls)
        if hasher is None:
            hasher = _resolved[cls] = _resolve(key)
    return hasher(key)


def stable_hash(key: Any) -> int:
    """Return the hash of ``key``: 32 bits, well mixed, the same for ever and everywhere.

    Keys may be: None, str, bytes, all numbers, tuples and named tuples, frozensets, enum members, frozen dataclasses,
    rows, dates and times, UUIDs; tuples, sets and dataclasses of these; and instances of a class that says with a
    method ``__stable_key__()`` which of these stands for it.

    :raises UnsupportedKeyTypeError: the key, or something in it, is of another type.
    """
    return _finish(_raw(key))


# ---------------------------------------------------------------------------------------------- many keys at once

_FEW: Final = 32  # keys, for which the preparations would take longer than they save
_LANES: Final = 8192  # keys that are finished at once: their numbers still fit into the processor's caches
_INT_BYTES: Final = Struct("<Q8s").pack
_INT_TAG: Final = b"number:+"  # a checksum goes on from another one as if the bytes stood behind one another


def stable_hashes(keys: Sequence[Any]) -> list[int]:
    """Return :func:`stable_hash` of each key, in a third of the time if they are many and of one type.

    :raises UnsupportedKeyTypeError: a key, or something in one, is of a type that has no stable hash.
    """
    if len(keys) < _FEW:
        return [stable_hash(key) for key in keys]
    kinds = set(map(type, keys))
    kind = kinds.pop() if len(kinds) == 1 else None
    checksum = zlib.crc32
    if kind is int and min(keys) >= 0 and max(keys) < _PRIME:
        raw = [checksum(_INT_BYTES(key, _INT_TAG)) for key in keys]
    elif kind is str:
        raw = [checksum(b"str", checksum(key.encode("utf-8", "surrogatepass"))) for key in keys]
    else:
        raw = list(map(_raw if kind is None else _EXACT.get(kind, _raw), keys))
    hashes: list[int] = []
    for start in range(0, len(raw), _LANES):
        hashes += _finish_all(raw[start : start + _LANES])
    return hashes


def _finish_all(values: list[int]) -> list[int]:
    """What :func:`_finish` makes of each: as one long number with 64 bits for each value, all at the same time."""
    count = len(values)
    lanes = array("Q", values)
    if sys.byteorder == "big":
        lanes.byteswap()
    low_16, low_19, low_32 = (
        int.from_bytes(bits.to_bytes(8, "little") * count, "little") for bits in (0xFFFF, 0x7FFFF, 0xFFFFFFFF)
    )
    number = int.from_bytes(lanes.tobytes(), "little")
    number ^= number >> 16 & low_16
    number = number * 0x85EBCA6B & low_32
    number ^= number >> 13 & low_19
    number = number * 0xC2B2AE35 & low_32
    number ^= number >> 16 & low_16
    lanes = array("Q", number.to_bytes(8 * count, "little"))
    if sys.byteorder == "big":
        lanes.byteswap()
    return lanes.tolist()
