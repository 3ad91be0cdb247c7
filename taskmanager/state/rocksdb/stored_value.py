"""What is kept in memory of a value, and its bytes on disk.

A program gets its own copy of what it keeps in state: changing that copy changes no state until it is written again.
Numbers, texts and tuples of them cannot change, and stay as they are; everything else is kept as its pickle, made when
it is written (so that what cannot be pickled fails on the program's own line) and read each time it is asked for.
"""

from __future__ import annotations

import datetime as dt
import decimal
import pickle
import struct
import uuid
from typing import Any, Final

from millstream.taskmanager.state.rocksdb.script_class_pickle import dump_object
from millstream.taskmanager.state.state_pickle import load_state

__all__ = [
    "NUMBERS",
    "Pickled",
    "decode_live",
    "decode_stored",
    "encode_live",
    "encode_stored",
    "freeze",
    "originals_of",
    "payload_of",
    "thaw",
    "with_originals",
]


class Pickled(bytes):
    """The pickle of a value that may be changed by whoever has it."""

    __slots__ = ()


_PLAIN: Final = frozenset(
    {bool, bytes, complex, dt.date, dt.datetime, dt.time, dt.timedelta, decimal.Decimal, float, int, str, type(None)}
    | {uuid.UUID}
)
_TAGGED: Final = frozenset({int, str, float, type(None), bool})
NUMBERS: Final = frozenset({int, float, bool})
"""What is kept as it is, and takes next to no room."""
_all_plain = _PLAIN.issuperset
_LONG: Final = 512
"""Texts of more characters are kept as bytes, whose memory is counted."""

# The first byte on disk.
_ORIGINALS: Final = 0x01  # keys stand before the value that cannot be made from their encodings
_INT: Final = 0x02
_STR: Final = 0x03
_BYTES: Final = 0x04
_FLOAT: Final = 0x05
_NONE: Final = 0x06
_TRUE: Final = 0x07
_FALSE: Final = 0x08
_IMMUTABLE: Final = 0x09  # the pickle of something that nobody can change
_PICKLE: Final = 0x0A

_length: Final = struct.Struct(">I")
_double: Final = struct.Struct(">d")


def freeze(value: Any) -> Any:
    """Return what is kept of a value.

    :raises Exception: it cannot be pickled.
    """
    kind = type(value)
    if kind in _PLAIN:
        if (kind is str or kind is bytes) and len(value) > _LONG:
            return Pickled(pickle.dumps(value, 5))
        return value
    if kind is tuple and _is_plain(value):
        return value
    return Pickled(dump_object(value))


def _is_plain(value: tuple[Any, ...]) -> bool:
    if _all_plain(map(type, value)):
        return True
    return all(type(part) in _PLAIN or (type(part) is tuple and _is_plain(part)) for part in value)


def thaw(stored: Any) -> Any:
    """Return the value of which something is kept, for the program to do with as it likes."""
    return load_state(stored) if type(stored) is Pickled else stored


def encode_stored(stored: Any) -> bytes:
    """Return the bytes on disk of what :func:`freeze` returned."""
    kind = type(stored)
    data: bytes
    if kind is Pickled:
        data = b"\x0a" + stored
        return data
    if kind is int:
        data = b"\x02" + stored.to_bytes((stored.bit_length() + 8) >> 3, "big", signed=True)
        return data
    if kind is str:
        data = b"\x03" + stored.encode("utf-8", "surrogatepass")
        return data
    if kind is float:
        return b"\x05" + _double.pack(stored)
    if kind is bytes:
        data = b"\x04" + stored
        return data
    if stored is None:
        return b"\x06"
    if kind is bool:
        return b"\x07" if stored else b"\x08"
    return b"\x09" + pickle.dumps(stored, 5)


def encode_live(value: Any) -> bytes:
    """Return the bytes on disk of a value that nobody else may change, without freezing it."""
    return encode_stored(value) if type(value) in _TAGGED else b"\x0a" + dump_object(value)


def decode_live(data: bytes) -> Any:
    """Return the value of which :func:`encode_live` or :func:`encode_stored` made the bytes."""
    return load_state(data[1:]) if data[0] == _PICKLE else thaw(decode_stored(data))


def decode_stored(data: bytes) -> Any:
    """Return what :func:`encode_stored` was given."""
    tag = data[0]
    if tag == _INT:
        return int.from_bytes(data[1:], "big", signed=True)
    if tag == _STR:
        return data[1:].decode("utf-8", "surrogatepass")
    if tag == _PICKLE:
        return Pickled(data[1:])
    if tag == _IMMUTABLE:
        return load_state(data[1:])
    if tag == _FLOAT:
        return _double.unpack_from(data, 1)[0]
    if tag == _BYTES:
        return data[1:]
    if tag == _ORIGINALS:
        return decode_stored(payload_of(data))
    return None if tag == _NONE else tag == _TRUE


def with_originals(originals: tuple[Any, ...], data: bytes) -> bytes:
    """Put keys before a value's bytes that their own encodings do not give again."""
    pickled = dump_object(originals)
    return b"\x01" + _length.pack(len(pickled)) + pickled + data


def originals_of(data: bytes) -> tuple[Any, ...] | None:
    """Return the keys that stand before a value; ``None``: there are none."""
    if data[0] != _ORIGINALS:
        return None
    found: tuple[Any, ...] = load_state(data[5 : 5 + _length.unpack_from(data, 1)[0]])
    return found


def payload_of(data: bytes) -> bytes:
    """Return a value's bytes without the keys that may stand before it."""
    return data[5 + _length.unpack_from(data, 1)[0] :] if data[0] == _ORIGINALS else data
