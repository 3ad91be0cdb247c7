"""The file that makes a directory a snapshot.

It is written last, in one step: a directory without it is no snapshot, and one with it is complete. It has a mark, a
version, its length and a checksum, so that whatever happens to it is noticed before anything is restored from it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from millstream.common.checkpoint.errors import (
    BrokenSnapshotError,
    ForeignSnapshotError,
    MissingSnapshotError,
    NewerSnapshotError,
)
from millstream.common.checkpoint.layout import METADATA, checkpoint_id_of
from millstream.common.checkpoint.state_paths import with_absolute_paths, with_relative_paths
from millstream.common.config import Configuration
from millstream.common.file_system import FileStatus, FileSystem, FileSystemError, file_system_of, join, name_of, parent
from millstream.common.file_system.resolve import qualified
from millstream.common.version import VERSION as SOFTWARE_VERSION
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata

__all__ = ["VERSION", "StoredMetadata", "decode_metadata", "encode_metadata", "read_metadata", "write_metadata"]

VERSION = 1
"""Of the format; a later version reads all earlier ones."""

_MAGIC = b"\x89MSTRM\r\n"
_HEAD = struct.Struct(">8sIQ")  # mark, version, length of the message
_TAIL = struct.Struct(">I")  # crc32 of all before
_OF_FLINK = b"\x49\x60\x67\x2d"


@dataclass(frozen=True, slots=True)
class StoredMetadata:
    """What was read.

    :ivar directory: of the snapshot.
    :ivar metadata: with absolute paths.
    """

    directory: str
    metadata: CheckpointMetadata


def encode_metadata(metadata: CheckpointMetadata) -> bytes:
    """The contents of a metadata file; its message has the version of the format."""
    message = CheckpointMetadata()
    message.CopyFrom(metadata)
    message.version = VERSION
    data = message.SerializeToString(deterministic=True)
    head = _HEAD.pack(_MAGIC, VERSION, len(data)) + data
    return head + _TAIL.pack(zlib.crc32(head))


def decode_metadata(data: bytes, path: str) -> CheckpointMetadata:
    """Read the contents of a metadata file.

    :param path: where they are from, for errors.
    :raises ForeignSnapshotError: it is not Millstream's.
    :raises NewerSnapshotError: this version cannot read it.
    :raises BrokenSnapshotError: it is not what was written.
    """
    if data[:4] == _OF_FLINK:
        raise ForeignSnapshotError(
            f"{path} is the metadata of a snapshot by Apache Flink, whose state is in formats of the JVM; Millstream "
            "restores from its own checkpoints and savepoints only"
        )
    if data[: len(_MAGIC)] != _MAGIC[: len(data)]:
        raise ForeignSnapshotError(f"{path} is not the metadata of a checkpoint or savepoint of Millstream")
    if len(data) < _HEAD.size + _TAIL.size:
        raise _broken(path, f"it ends after {len(data)} bytes")
    _, version, length = _HEAD.unpack_from(data)
    # The checksum first: a changed bit in the version must not be taken for a later version.
    whole = len(data) == _HEAD.size + length + _TAIL.size
    intact = _TAIL.unpack_from(data, len(data) - _TAIL.size)[0] == zlib.crc32(memoryview(data)[: -_TAIL.size])
    if intact and version > VERSION:
        raise NewerSnapshotError(
            f"{path} has format {version}; Millstream {SOFTWARE_VERSION} reads formats up to {VERSION}: use the "
            "version that wrote it, or a later one"
        )
    if not whole:
        raise _broken(path, f"it has {len(data)} bytes instead of {_HEAD.size + length + _TAIL.size}")
    if not intact:
        raise _broken(path, "its checksum does not match")
    try:
        return CheckpointMetadata.FromString(data[_HEAD.size : -_TAIL.size])
    except DecodeError as error:
        raise _broken(path, "its message cannot be read") from error


def write_metadata(metadata: CheckpointMetadata, directory: str, configuration: Configuration | None = None) -> str:
    """Make a directory, in which all files are, a complete snapshot; returns the path of its metadata. Blocks.

    :param metadata: with absolute paths; those in the snapshot are stored so that it can be moved.
    :raises FileSystemError: it could not be written; the snapshot is not complete.
    """
    path = join(directory, METADATA)
    data = encode_metadata(with_relative_paths(metadata, directory))
    file_system_of(path, configuration).write(path, [data])
    return path


def read_metadata(path: str, configuration: Configuration | None = None) -> StoredMetadata:
    """Read the metadata of a snapshot. Blocks.

    :param path: the snapshot's directory or the metadata file in it, or the directory of a job's checkpoints, which
        means the latest complete one.
    :raises SnapshotError: there is none, or it cannot be read: see :mod:`millstream.common.checkpoint.errors`.
    :raises FileSystemError: the store cannot be read.
    """
    path = qualified(path, configuration)
    files = file_system_of(path, configuration)
    directory = parent(path) if path.endswith("/" + METADATA) else path
    data = _find(files, directory)
    if data is None and directory == path:
        for checkpoint in _newest_first(files.list(path)):
            data = _find(files, checkpoint)
            if data is not None:
                directory = checkpoint
                break
    if data is None:
        raise _missing(files, path)
    metadata = decode_metadata(data, join(directory, METADATA))
    return StoredMetadata(directory, with_absolute_paths(metadata, directory))


def _find(files: FileSystem, directory: str) -> bytes | None:
    try:
        return files.read(join(directory, METADATA))
    except FileNotFoundError:
        return None
    except FileSystemError as error:
        if isinstance(error.__cause__, NotADirectoryError):
            raise MissingSnapshotError(
                f"{directory} is a file; a checkpoint or savepoint is a directory with a file {METADATA} in it"
            ) from error
        raise


def _newest_first(entries: list[FileStatus]) -> list[str]:
    found = [
        (checkpoint_id, entry.path) for entry in entries if (checkpoint_id := checkpoint_id_of(entry.name)) is not None
    ]
    return [path for _, path in sorted(found, reverse=True)]


def _missing(files: FileSystem, path: str) -> MissingSnapshotError:
    if not files.exists(path):
        return MissingSnapshotError(f"there is no checkpoint or savepoint {path}: the path does not exist")
    names = [entry.name for entry in files.list(path)]
    inner = [name for name in names if name.startswith("savepoint-")]
    if any(checkpoint_id_of(name) is not None for name in names):
        reason = "none of the checkpoints in it was completed"
    elif inner:
        reason = f"it is no savepoint but holds some: name one, such as {join(path, inner[0])}"
    elif checkpoint_id_of(name_of(path)) is not None:
        reason = f"it has no {METADATA}: the checkpoint was not completed, or is being deleted"
    else:
        reason = f"it has no {METADATA}"
    return MissingSnapshotError(f"{path} is no checkpoint or savepoint: {reason}")


def _broken(path: str, reason: str) -> BrokenSnapshotError:
    return BrokenSnapshotError(f"{path} is broken: {reason}; restore from another checkpoint or savepoint")
