"""Where a slot's tasks put their snapshots, and where they get what they restore."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol
from zlib import crc32

from millstream.common.checkpoint.streams import SnapshotStreams, StateReader
from millstream.common.errors import MillstreamError
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions, StateBytes

__all__ = ["InlineStorage", "SnapshotStorage", "TaskStreams"]


class TaskStreams(SnapshotStreams, Protocol):
    """Takes one task's bytes of one checkpoint."""

    def abort(self) -> None:
        """The checkpoint is not wanted any more: what writes raises soon. From any thread, also twice."""
        ...


class SnapshotStorage(Protocol):
    """Makes the ends of the storage of snapshots. Thread-safe."""

    def streams(self, options: CheckpointOptions) -> TaskStreams:
        """Return what takes the bytes of a checkpoint: files in its directory, or all inline if it names none."""
        ...

    def reader(self) -> StateReader:
        """Return what gives the bytes of earlier snapshots."""
        ...


class InlineStorage:
    """Snapshots travel with the acknowledgements: nothing is stored here."""

    def streams(self, options: CheckpointOptions) -> TaskStreams:
        return _InlineStreams()

    def reader(self) -> StateReader:
        return _InlineReader()


class _InlineStreams:
    def __init__(self) -> None:
        self._aborted = False

    def write(self, name: str, chunks: Iterable[bytes | memoryview], *, shared: bool = False) -> StateBytes:
        data = bytearray()
        for chunk in chunks:
            data += chunk
            if self._aborted:
                raise MillstreamError(f"{name} is not wanted any more: the checkpoint was aborted")
        return StateBytes(inline=bytes(data), size=len(data), crc32=crc32(data))

    def write_file(self, name: str, source: Path, *, shared: bool = False) -> StateBytes:
        return self.write(name, [source.read_bytes()])

    def abort(self) -> None:
        self._aborted = True


class _InlineReader:
    def open(self, stored: StateBytes) -> BinaryIO:
        return BytesIO(self.read(stored))

    def read(self, stored: StateBytes) -> bytes:
        if stored.path:
            raise MillstreamError(f"{stored.path} lies in a file, and no storage of files is set up here")
        return stored.inline

    def download(self, stored: StateBytes, target: Path) -> None:
        target.write_bytes(self.read(stored))
