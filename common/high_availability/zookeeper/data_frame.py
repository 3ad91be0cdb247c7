"""What a file of high availability looks like: a head, the data, a checksum over both.

A file that was cut off, changed, mistaken for another or written by a later version is noticed before anything of it
is believed.
"""

from __future__ import annotations

import hashlib
import struct
from enum import Enum

from millstream.common.errors import MillstreamError
from millstream.common.version import VERSION as SOFTWARE_VERSION

__all__ = ["VERSION", "DataKind", "UnreadableDataError", "decode", "encode", "missing"]

VERSION = 1
"""Of the format; a later version reads all earlier ones."""

_MAGIC = b"\x89MSHAD\r\n"
_HEAD = struct.Struct(">8sI4sQ")  # mark, version, kind, length of the data
_CHECKSUM_SIZE = hashlib.sha256().digest_size


class UnreadableDataError(MillstreamError):
    """A file of high availability is gone, or is not what was written: trying again changes nothing."""


class DataKind(Enum):
    """What a file holds. The value is the name of the directory."""

    JOB_GRAPH = "job-graphs"
    JOB_RESULT = "job-results"

    @property
    def title(self) -> str:
        """As messages call it."""
        return _TITLES[self]


_TITLES = {DataKind.JOB_GRAPH: "job graph", DataKind.JOB_RESULT: "job result"}
_MARKS = {DataKind.JOB_GRAPH: b"GRPH", DataKind.JOB_RESULT: b"RSLT"}
_MENDS = {
    DataKind.JOB_GRAPH: "put the file back from a copy, or submit the job anew from its last checkpoint",
    DataKind.JOB_RESULT: "put the file back from a copy, or ask for the job's state only",
}


def encode(kind: DataKind, payload: bytes) -> tuple[list[bytes], str]:
    """Return the contents of a file in pieces, and their checksum in hexadecimal digits."""
    head = _HEAD.pack(_MAGIC, VERSION, _MARKS[kind], len(payload))
    checksum = hashlib.sha256(head)
    checksum.update(payload)
    return [head, payload, checksum.digest()], checksum.hexdigest()


def decode(kind: DataKind, data: bytes, path: str, expected: str) -> bytes:
    """Return the data of a file.

    :param path: of the file, for errors.
    :param expected: the checksum that the file's pointer has.
    :raises UnreadableDataError: it is not what was written, or this version cannot read it.
    """
    mark = data[: len(_MAGIC)]
    if not data or mark != _MAGIC[: len(mark)]:
        raise _unreadable(kind, path, "it is empty" if not data else "it is no file of Millstream's high availability")
    if len(data) < _HEAD.size + _CHECKSUM_SIZE:
        raise _unreadable(kind, path, f"it is torn: it ends after {len(data)} bytes")
    _, version, found, length = _HEAD.unpack_from(data)
    body, checksum = memoryview(data)[:-_CHECKSUM_SIZE], data[-_CHECKSUM_SIZE:]
    # The checksum first: a changed bit in the version must not be taken for a later version.
    intact = hashlib.sha256(body).digest() == checksum
    if intact and version > VERSION:
        raise UnreadableDataError(
            f"The {kind.title} in {path} has format {version}; Millstream {SOFTWARE_VERSION} reads formats up to "
            f"{VERSION}: let masters of the version that wrote it, or of a later one, lead."
        )
    whole = _HEAD.size + length + _CHECKSUM_SIZE
    if len(data) != whole:
        raise _unreadable(kind, path, f"it is torn: it has {len(data)} bytes instead of {whole}")
    if not intact:
        raise _unreadable(kind, path, "its checksum does not match")
    if found != _MARKS[kind]:
        raise _unreadable(kind, path, f"it holds something else ({found.decode('ascii', 'replace')})")
    if checksum.hex() != expected:
        raise _unreadable(kind, path, "it is not the file that its pointer in ZooKeeper was made for")
    return bytes(body[_HEAD.size :])


def missing(kind: DataKind, path: str) -> UnreadableDataError:
    """The error of a file that is gone."""
    return _unreadable(kind, path, "there is no such file")


def _unreadable(kind: DataKind, path: str, reason: str) -> UnreadableDataError:
    return UnreadableDataError(f"The {kind.title} in {path} cannot be read: {reason}; {_MENDS[kind]}.")
