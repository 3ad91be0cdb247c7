"""Where the bytes of a snapshot go, and where they come from again.

Whether small ones travel inline, in which directory the others lie and how many may be under way at once, is the
business of those who implement these; state backends only hand bytes over. All methods block and are called from
threads.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Protocol

from millstream.common.wire.checkpoint_pb2 import StateBytes

__all__ = ["SnapshotStreams", "StateReader"]


class SnapshotStreams(Protocol):
    """Takes the bytes of one task's snapshot, for one checkpoint. Thread-safe."""

    def write(self, name: str, chunks: Iterable[bytes | memoryview], *, shared: bool = False) -> StateBytes:
        """Store bytes.

        :param name: what they are, for the file's name: letters, digits, ``-`` and ``_``; need not be unique.
        :param shared: later checkpoints may refer to them.
        :raises MillstreamError: they could not be stored, or the checkpoint was aborted meanwhile.
        """
        ...

    def write_file(self, name: str, source: Path, *, shared: bool = False) -> StateBytes:
        """Store the contents of a local file, never inline.

        :param source: nobody writes to it any more; it may be removed afterwards.
        """
        ...

    def refer(self, stored: StateBytes, source: Path) -> None:
        """The snapshot has a file that an earlier one has stored already.

        :param source: the local file that was stored; nobody writes to it any more.
        :raises MillstreamError: the checkpoint was aborted meanwhile.
        """
        ...


class StateReader(Protocol):
    """Gives the bytes of snapshots. Thread-safe.

    All methods raise a ``MillstreamError`` that names the file if it is missing, or not what was written.
    """

    def open(self, stored: StateBytes) -> BinaryIO:
        """Open bytes to read a part of them; it can seek. The checksum of the whole is not looked at."""
        ...

    def read(self, stored: StateBytes) -> bytes:
        """Return bytes, checked."""
        ...

    def download(self, stored: StateBytes, target: Path) -> None:
        """Write bytes to a local file, checked."""
        ...
