"""Keeps the bytes of a task's snapshot in what it acknowledges the checkpoint with: in the master's memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

from millstream.common.checkpoint.errors import SnapshotAbortedError, SnapshotError
from millstream.common.wire.checkpoint_pb2 import StateBytes

__all__ = ["MemorySnapshotStreams"]


class MemorySnapshotStreams:
    """Implements :class:`~millstream.common.checkpoint.streams.SnapshotStreams`: everything is inline."""

    def __init__(self, max_state_size: int = 5 << 20) -> None:
        """:param max_state_size: the most bytes of one state."""
        self._max_state_size = max_state_size
        self._aborted = False

    def write(self, name: str, chunks: Iterable[bytes | memoryview], *, shared: bool = False) -> StateBytes:
        parts: list[bytes] = []
        size = 0
        for chunk in chunks:
            size += memoryview(chunk).nbytes
            self._check(name, size)
            parts.append(bytes(chunk))
        self._check(name, size)
        data = b"".join(parts)
        return StateBytes(inline=data, size=size, crc32=zlib.crc32(data))

    def write_file(self, name: str, source: Path, *, shared: bool = False) -> StateBytes:
        self._check(name, source.stat().st_size)
        return self.write(name, [source.read_bytes()])

    def refer(self, stored: StateBytes, source: Path) -> None:
        self._check(source.name, 0)

    def abort(self) -> None:
        """Let all that is being written fail. From any thread, also twice."""
        self._aborted = True

    def _check(self, name: str, size: int) -> None:
        if self._aborted:
            raise SnapshotAbortedError("the snapshot was aborted")
        if size > self._max_state_size:
            raise SnapshotError(
                f"Size of the state is larger than the maximum permitted memory-backed state: {name}, size={size}, "
                f"maxSize={self._max_state_size}. Use a storage outside of the JobManager: set "
                "execution.checkpointing.dir, or FileSystemCheckpointStorage in the program"
            )
