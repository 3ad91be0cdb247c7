"""A failure as the object that Flink's Java clients read out of an answer.

They do not take a failure without one: next to its class and its stack trace as text they expect a ``Throwable`` in
Java's serialised form, with Flink's own class for exceptions whose classes the client may not have. That class holds
texts alone, so it can be written without Java. The format is that of the Java Object Serialization Specification,
chapter 6.
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["java_throwable"]

_HEADER: Final = b"\xac\xed\x00\x05"
_NULL: Final = b"\x70"
_CLASS_DESCRIPTION: Final = b"\x72"
_OBJECT: Final = b"\x73"
_STRING: Final = b"\x74"
_LONG_STRING: Final = b"\x7c"
_END_OF_BLOCK: Final = b"\x78"
_SERIALIZABLE: Final = 2
_HAS_WRITE_METHOD: Final = 1

_TEXT: Final = "Ljava/lang/String;"


def java_throwable(exception_class: str, stack_trace: str) -> bytes:
    """Return an ``org.apache.flink.util.SerializedThrowable``.

    :param exception_class: what the client names as the class of the original exception.
    :param stack_trace: what the client prints; its first line is the message.
    """
    message = stack_trace.partition("\n")[0]
    return b"".join(
        (
            _HEADER,
            _OBJECT,
            _CLASSES,
            # Of Throwable: no cause, the message, neither stack trace nor suppressed exceptions.
            _NULL,
            _string(message),
            _NULL,
            _NULL,
            _END_OF_BLOCK,
            # Of SerializedThrowable: the original exception itself is not there.
            _string(stack_trace),
            _string(exception_class),
            _NULL,
        )
    )


def _string(text: str) -> bytes:
    encoded = _modified_utf8(text)
    if len(encoded) < 1 << 16:
        return _STRING + struct.pack(">H", len(encoded)) + encoded
    return _LONG_STRING + struct.pack(">Q", len(encoded)) + encoded


def _modified_utf8(text: str) -> bytes:
    """Java encodes each half of a surrogate pair by itself, and NUL in two bytes."""
    halves = text.encode("utf-16-be", "surrogatepass")
    units = struct.unpack(f">{len(halves) // 2}H", halves)
    return "".join(map(chr, units)).encode("utf-8", "surrogatepass").replace(b"\x00", b"\xc0\x80")


def _name(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode("ascii")


def _class(name: str, version: int, flags: int, fields: dict[str, str]) -> bytes:
    """A class without its superclass, which follows.

    :param fields: name -> type, all of them objects or arrays.
    """
    described = [kind[:1].encode("ascii") + _name(field) + _STRING + _name(kind) for field, kind in fields.items()]
    return b"".join(
        (
            _CLASS_DESCRIPTION,
            _name(name),
            struct.pack(">qBH", version, flags, len(fields)),
            *described,
            _END_OF_BLOCK,
        )
    )


_CLASSES: Final = b"".join(
    (
        _class(
            "org.apache.flink.util.SerializedThrowable",
            7284183123441947635,
            _SERIALIZABLE,
            {"fullStringifiedStackTrace": _TEXT, "originalErrorClassName": _TEXT, "serializedException": "[B"},
        ),
        _class("java.lang.Exception", -3387516993124229948, _SERIALIZABLE, {}),
        _class(
            "java.lang.Throwable",
            -3042686055658047285,
            _SERIALIZABLE | _HAS_WRITE_METHOD,
            {
                "cause": "Ljava/lang/Throwable;",
                "detailMessage": _TEXT,
                "stackTrace": "[Ljava/lang/StackTraceElement;",
                "suppressedExceptions": "Ljava/util/List;",
            },
        ),
        _NULL,  # of no superclass that is written
    )
)
