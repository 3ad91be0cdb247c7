"""Turns keys, namespaces and maps' keys into bytes: equal ones into equal bytes, in their order where they have one.

A dictionary finds ``1`` by ``1.0``, ``True`` and ``Decimal(1)``, a tuple by a named tuple and a string by a member of a
``(str, Enum)``. State on disk has to find the same, so bytes stand for what a key is equal to, not for what it is
(:mod:`~millstream.common.stable_hash` hashes the same things alike). Where the key itself cannot be made from them
again, the encoding says so, and the key is kept beside the value.

Each encoding ends itself, so that a tuple, or a key and its namespace, is one encoding after the other. Numbers are in
the order of their values, texts in that of their code points, tuples in that of their parts.

**This is a part of the format of snapshots**: what is there must not change.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import math
import numbers
import struct
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from millstream.common.types.row import Row
from millstream.datastream.window import CountWindow, GlobalWindow, TimeWindow
from millstream.taskmanager.state.rocksdb.script_class_pickle import dump_object
from millstream.taskmanager.state.state_pickle import load_state

__all__ = ["decode_key", "encode_key", "encode_numbers"]

# The first byte of each encoding. 0 ends tuples and texts; 255 follows a 0 that belongs to a text.
_NONE: Final = 0x01
_MINUS_INFINITY: Final = 0x10
_NEGATIVE: Final = 0x11
_POSITIVE: Final = 0x12
_INFINITY: Final = 0x13
_NAN: Final = 0x14
_RATIO: Final = 0x15
_COMPLEX: Final = 0x16
_STR: Final = 0x20
_BYTES: Final = 0x28
_TUPLE: Final = 0x30
_FROZENSET: Final = 0x38
_TIME_WINDOW: Final = 0x40
_COUNT_WINDOW: Final = 0x41
_GLOBAL_WINDOW: Final = 0x42
_NAIVE_DATETIME: Final = 0x50
_INSTANT: Final = 0x51
_DATE: Final = 0x52
_TIMEDELTA: Final = 0x53
_TIME: Final = 0x54
_AWARE_TIME: Final = 0x55
_UUID: Final = 0x56
_ENUM: Final = 0x60
_DATACLASS: Final = 0x61
_ROW: Final = 0x62
_STABLE_KEY: Final = 0x63
_PICKLE: Final = 0xF0

_END: Final = b"\0"
_LONG: Final = 0xFF
"""Stands for the length of a number of 255 bytes and more; four bytes of length follow."""
_WHOLE: Final = 0
_FRACTION: Final = 1

_Encoding = tuple[bytes, bool]
_POSITIVE_HEADS: Final = [bytes((_POSITIVE, size)) for size in range(_LONG)]
_INVERTED: Final = bytes(255 - byte for byte in range(256))
_MOST_QUICK: Final = (1 << 64) - 1
_double: Final = struct.Struct(">d")


def encode_key(key: Any) -> tuple[bytes, bool]:
    """Return the encoding, and whether :func:`decode_key` makes the key of it again, with the same types.

    Objects of classes that :mod:`~millstream.common.stable_hash` does not know are encoded as their pickles; those with
    equal pickles count as equal.

    :raises Exception: the key cannot be pickled.
    """
    encoder = _EXACT.get(type(key))
    return _other(key) if encoder is None else encoder(key)


def _int(key: int) -> _Encoding:
    if key < 0:
        return bytes((_NEGATIVE,)) + _magnitude(-key, _WHOLE).translate(_INVERTED), True
    size = (key.bit_length() + 7) >> 3
    if size < _LONG:
        return _POSITIVE_HEADS[size] + key.to_bytes(size, "big") + b"\0", True
    return bytes((_POSITIVE,)) + _magnitude(key, _WHOLE), True


def encode_numbers(numbers: Sequence[int], end: bytes) -> list[bytes] | None:
    """Return what :func:`encode_key` makes of ints, with ``end`` behind each; ``None``: some are negative or huge."""
    if min(numbers) < 0 or max(numbers) > _MOST_QUICK:
        return None
    heads, end = _POSITIVE_HEADS, b"\0" + end
    return [
        b"%b%b%b" % (heads[size := (number.bit_length() + 7) >> 3], number.to_bytes(size, "big"), end)
        for number in numbers
    ]


def _magnitude(number: int, ending: int) -> bytes:
    size = (number.bit_length() + 7) >> 3
    length = bytes((size,)) if size < _LONG else bytes((_LONG,)) + size.to_bytes(4, "big")
    return length + number.to_bytes(size, "big") + bytes((ending,))


def _as_int(key: Any) -> _Encoding:
    return _int(int(key))[0], False


def _float(key: float) -> _Encoding:
    if key.is_integer():
        return _int(int(key))[0], False
    if key != key:
        return bytes((_NAN,)), True
    if math.isinf(key):
        return bytes((_INFINITY if key > 0 else _MINUS_INFINITY,)), True
    fraction, whole = math.modf(abs(key))  # exact, both
    data = _magnitude(int(whole), _FRACTION) + _double.pack(fraction)
    return (bytes((_POSITIVE,)) + data if key > 0 else bytes((_NEGATIVE,)) + data.translate(_INVERTED)), True


def _ratio(key: Any) -> _Encoding:
    """A Decimal or Fraction: as the whole number or the float that it equals, if there is one."""
    if isinstance(key, decimal.Decimal) and not key.is_finite():
        return _float(math.nan if key.is_nan() else float(key))[0], False
    if key == key.__trunc__():
        return _int(int(key))[0], False
    try:
        as_float = float(key)
    except OverflowError:
        as_float = math.inf
    if as_float == key:
        return _float(as_float)[0], False
    numerator, denominator = key.as_integer_ratio()
    return bytes((_RATIO,)) + _int(numerator)[0] + _int(denominator)[0], False


def _complex(key: complex) -> _Encoding:
    if key.imag == 0:
        return _float(key.real)[0], False
    return bytes((_COMPLEX,)) + _float(key.real)[0] + _float(key.imag)[0], False


def _str(key: str) -> _Encoding:
    data = key.encode("utf-8", "surrogatepass")
    if b"\0" in data:
        data = data.replace(b"\0", b"\0\xff")
    return b"\x20" + data + b"\0", True


def _as_str(key: str) -> _Encoding:
    return _str(str.__str__(key))[0], False


def _bytes(key: bytes) -> _Encoding:
    return b"\x28" + key.replace(b"\0", b"\0\xff") + b"\0", True


def _as_bytes(key: bytes) -> _Encoding:
    return _bytes(key)[0], False


def _none(_: None) -> _Encoding:
    return b"\x01", True


def _tuple(key: tuple[Any, ...]) -> _Encoding:
    data = [b"\x30"]
    whole = True
    for part in key:
        encoded, faithful = encode_key(part)
        data.append(encoded)
        whole = whole and faithful
    data.append(_END)
    return b"".join(data), whole


def _frozenset(key: frozenset[Any]) -> _Encoding:
    parts = [encode_key(part) for part in key]
    return _joined(_FROZENSET, sorted(part[0] for part in parts)), all(part[1] for part in parts)


def _joined(tag: int, parts: list[bytes]) -> bytes:
    return b"".join((bytes((tag,)), *parts, _END))


def _of_parts(tag: int, *parts: Any) -> _Encoding:
    """What stands for a key, and is not it."""
    return _joined(tag, [encode_key(part)[0] for part in parts]), False


def _enum(key: enum.Enum) -> _Encoding:
    return _of_parts(_ENUM, type(key).__qualname__, key.name or repr(key.value))


def _dataclass(key: Any) -> _Encoding:
    fields = [getattr(key, field.name) for field in dataclasses.fields(key) if field.compare]
    return _of_parts(_DATACLASS, type(key).__qualname__, *fields)


def _row(key: Row) -> _Encoding:
    names = key.get_field_names()
    kind = key.get_row_kind().name
    if names is None:
        return _of_parts(_ROW, kind, None, tuple(key))
    return _of_parts(_ROW, kind, tuple(sorted(names)), tuple(key[name] for name in sorted(names)))


def _stable_key(key: Any) -> _Encoding:
    return _of_parts(_STABLE_KEY, type(key).__qualname__, key.__stable_key__())


def _datetime(key: dt.datetime) -> _Encoding:
    offset = key.utcoffset()
    if offset is None:
        return _of_parts(_NAIVE_DATETIME, key.replace(fold=0).isoformat())
    since = key.replace(tzinfo=dt.timezone.utc) - dt.datetime.min.replace(tzinfo=dt.timezone.utc)
    return _of_parts(_INSTANT, _microseconds(since - offset))


def _date(key: dt.date) -> _Encoding:
    return _of_parts(_DATE, key.toordinal())


def _microseconds(duration: dt.timedelta) -> int:
    return (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds


def _timedelta(key: dt.timedelta) -> _Encoding:
    return _of_parts(_TIMEDELTA, _microseconds(key))


def _time(key: dt.time) -> _Encoding:
    offset = key.utcoffset()
    since = dt.timedelta(hours=key.hour, minutes=key.minute, seconds=key.second, microseconds=key.microsecond)
    return _of_parts(_TIME if offset is None else _AWARE_TIME, _microseconds(since - (offset or since * 0)))


def _uuid(key: uuid.UUID) -> _Encoding:
    return _of_parts(_UUID, key.bytes)


def _time_window(key: TimeWindow) -> _Encoding:
    return b"\x40" + _int(key.start)[0] + _int(key.end)[0], True


def _count_window(key: CountWindow) -> _Encoding:
    return b"\x41" + _int(key.id)[0], True


def _global_window(_: GlobalWindow) -> _Encoding:
    return b"\x42", True


def _pickle(key: Any) -> _Encoding:
    return bytes((_PICKLE,)) + _bytes(dump_object(key))[0][1:], True


_EXACT: Final[dict[type, Callable[[Any], _Encoding]]] = {
    str: _str,
    int: _int,
    bool: _as_int,
    float: _float,
    bytes: _bytes,
    tuple: _tuple,
    frozenset: _frozenset,
    type(None): _none,
    decimal.Decimal: _ratio,
    fractions.Fraction: _ratio,
    complex: _complex,
    dt.datetime: _datetime,
    dt.date: _date,
    dt.time: _time,
    dt.timedelta: _timedelta,
    uuid.UUID: _uuid,
    Row: _row,
    TimeWindow: _time_window,
    CountWindow: _count_window,
    GlobalWindow: _global_window,
}

# Subclasses of these are equal to instances of the base: in this order.
_BASES: Final[tuple[tuple[type, Callable[[Any], _Encoding]], ...]] = (
    (str, _as_str),
    (bytes, _as_bytes),
    (int, _as_int),
    (float, lambda key: (_float(float(key))[0], False)),
    (complex, _complex),
    (decimal.Decimal, _ratio),
    (fractions.Fraction, _ratio),
    (tuple, lambda key: (_tuple(tuple(key))[0], False)),
    (frozenset, lambda key: (_frozenset(key)[0], False)),
    (dt.datetime, _datetime),
    (dt.date, _date),
    (dt.time, _time),
    (dt.timedelta, _timedelta),
    (uuid.UUID, _uuid),
    (Row, _row),
)


def _other(key: Any) -> _Encoding:
    return _encoder_of(type(key))(key)


def _encoder_of(cls: type) -> Callable[[Any], _Encoding]:
    if callable(getattr(cls, "__stable_key__", None)):
        return _stable_key
    is_dataclass = dataclasses.is_dataclass(cls)
    for base, encoder in _BASES:
        if issubclass(cls, base) and not is_dataclass:
            # One with an equality of its own is not equal to what its base is equal to.
            equality: Any = base.__eq__
            return encoder if cls.__eq__ is equality else _pickle
    if issubclass(cls, enum.Enum):
        return _enum
    if is_dataclass and getattr(cls, "__dataclass_params__").eq:  # noqa: B009  # unknown to mypy
        return _dataclass
    if issubclass(cls, numbers.Integral):
        return _as_int
    if issubclass(cls, numbers.Real):
        return lambda key: (_float(float(key))[0], False)
    return _pickle


def decode_key(data: bytes, start: int = 0) -> tuple[Any, int]:
    """Return the key whose encoding begins at ``start``, and where it ends.

    What was not made of the key itself (see :func:`encode_key`) gives ``None``, with the right end.
    """
    tag = data[start]
    decoder = _DECODERS.get(tag)
    return (None, _end(data, start + 1)) if decoder is None else decoder(data, start + 1)


def _end(data: bytes, start: int) -> int:
    """Where the parts that begin at ``start`` end, with the byte that ends them."""
    while data[start]:
        start = decode_key(data, start)[1]
    return start + 1


def _decode_positive(data: bytes, start: int) -> tuple[Any, int]:
    size = data[start]
    start += 1
    if size == _LONG:
        size = int.from_bytes(data[start : start + 4], "big")
        start += 4
    end = start + size
    whole = int.from_bytes(data[start:end], "big")
    if data[end] == _WHOLE:
        return whole, end + 1
    return whole + _double.unpack_from(data, end + 1)[0], end + 9


def _decode_negative(data: bytes, start: int) -> tuple[Any, int]:
    size = 255 - data[start]
    length = 1
    if size == _LONG:
        size = int.from_bytes(data[start + 1 : start + 5].translate(_INVERTED), "big")
        length = 5
    found, end = _decode_positive(data[start : start + length + size + 9].translate(_INVERTED), 0)
    return -found, start + end


def _decode_bytes(data: bytes, start: int) -> tuple[bytes, int]:
    end = data.index(_END, start)
    if end + 1 == len(data) or data[end + 1] != 255:
        return data[start:end], end + 1
    while end + 1 < len(data) and data[end + 1] == 255:
        end = data.index(_END, end + 1)
    return data[start:end].replace(b"\0\xff", b"\0"), end + 1


def _decode_str(data: bytes, start: int) -> tuple[str, int]:
    text, end = _decode_bytes(data, start)
    return text.decode("utf-8", "surrogatepass"), end


def _decode_tuple(data: bytes, start: int) -> tuple[tuple[Any, ...], int]:
    parts: list[Any] = []
    while data[start]:
        part, start = decode_key(data, start)
        parts.append(part)
    return tuple(parts), start + 1


def _decode_frozenset(data: bytes, start: int) -> tuple[frozenset[Any], int]:
    parts, end = _decode_tuple(data, start)
    return frozenset(parts), end


def _decode_pair(data: bytes, start: int) -> tuple[None, int]:
    return None, decode_key(data, decode_key(data, start)[1])[1]


def _decode_time_window(data: bytes, start: int) -> tuple[TimeWindow, int]:
    first, start = decode_key(data, start)
    end, start = decode_key(data, start)
    return TimeWindow(first, end), start


def _decode_count_window(data: bytes, start: int) -> tuple[CountWindow, int]:
    number, start = decode_key(data, start)
    return CountWindow(number), start


def _decode_pickle(data: bytes, start: int) -> tuple[Any, int]:
    pickled, end = _decode_bytes(data, start)
    return load_state(pickled), end


_DECODERS: Final[dict[int, Callable[[bytes, int], tuple[Any, int]]]] = {
    _NONE: lambda _, start: (None, start),
    _MINUS_INFINITY: lambda _, start: (-math.inf, start),
    _NEGATIVE: _decode_negative,
    _POSITIVE: _decode_positive,
    _INFINITY: lambda _, start: (math.inf, start),
    _NAN: lambda _, start: (math.nan, start),
    _RATIO: _decode_pair,
    _COMPLEX: _decode_pair,
    _STR: _decode_str,
    _BYTES: _decode_bytes,
    _TUPLE: _decode_tuple,
    _FROZENSET: _decode_frozenset,
    _TIME_WINDOW: _decode_time_window,
    _COUNT_WINDOW: _decode_count_window,
    _GLOBAL_WINDOW: lambda _, start: (GlobalWindow(), start),
    _PICKLE: _decode_pickle,
}
