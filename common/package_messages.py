"""How a master and the process that runs a package for it tell their messages apart: a 4-byte length, then the message.

What they say is in ``package_run.proto``. The process trusts the master; the master trusts the process with nothing but
jobs, and takes none that is too large to be sent on.
"""

from __future__ import annotations

import struct
from typing import Final

from google.protobuf.message import Message

__all__ = ["LENGTH_BYTES", "framed", "length_of"]

_LENGTH: Final = struct.Struct(">I")
LENGTH_BYTES: Final = _LENGTH.size


def framed(message: Message) -> bytes:
    """Return the message with its length before it."""
    content = message.SerializeToString()
    return _LENGTH.pack(len(content)) + content


def length_of(header: bytes) -> int:
    """Return how many bytes follow the first ``LENGTH_BYTES``."""
    length: int = _LENGTH.unpack(header)[0]
    return length
