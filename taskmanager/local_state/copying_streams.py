"""Writes a second copy of a task's snapshot on the disk of its host, beside the write that counts.

A copy is only ever a shortcut. Whatever goes wrong with it costs the copy and nothing else: the checkpoint has the
bytes that it refers to, and a restart reads them from there.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from millstream.common.checkpoint.file_snapshot_streams import FileSnapshotStreams
from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.wire.checkpoint_pb2 import StateBytes
from millstream.taskmanager.local_state.snapshot_copies import SnapshotCopies

__all__ = ["CopyingStreams"]

_log = logging.getLogger(__name__)

_HELD = 64 << 10
"""Bytes that are held back before a file is made for them: what stays inline needs no copy."""


class CopyingStreams:
    """Implements :class:`~millstream.common.checkpoint.streams.SnapshotStreams`, for one task and checkpoint."""

    def __init__(
        self, streams: FileSnapshotStreams | MemorySnapshotStreams, copies: SnapshotCopies, checkpoint_id: int
    ) -> None:
        """:param streams: where the bytes go that count."""
        self._streams = streams
        self._copies = copies
        self._checkpoint_id = checkpoint_id
        self._lock = threading.Lock()
        self._written: list[Path] = []
        self._given_up = False
        try:
            copies.prepare(checkpoint_id)
        except OSError as error:
            self._failed(error)

    def write(self, name: str, chunks: Iterable[bytes | memoryview], *, shared: bool = False) -> StateBytes:
        copy = _Copy(self._copies.new_file(self._checkpoint_id))
        try:
            stored = self._streams.write(name, chunks if self._given_up else copy.of(chunks), shared=shared)
            error = copy.finish() if stored.path else None
            if error is not None:
                self._failed(error)
            elif stored.path and copy.is_whole:
                self._keep(copy.path, stored)
            return stored
        finally:
            copy.discard()

    def write_file(self, name: str, source: Path, *, shared: bool = False) -> StateBytes:
        stored = self._streams.write_file(name, source, shared=shared)
        self._link(source, stored)
        return stored

    def refer(self, stored: StateBytes, source: Path) -> None:
        self._streams.refer(stored, source)
        self._link(source, stored)

    def abort(self) -> None:
        """The checkpoint is not wanted any more: what writes raises soon, what was written is deleted, copies too.

        Blocks. From any thread, also twice.
        """
        with self._lock:
            self._given_up = True
            written, self._written = self._written, []
        for path in written:
            _remove(path)
        self._streams.abort()

    def _link(self, source: Path, stored: StateBytes) -> None:
        if self._given_up or not stored.path:
            return
        path = self._copies.new_file(self._checkpoint_id)
        try:
            try:
                os.link(source, path)
            except OSError:  # another disk, or a file system without links
                shutil.copyfile(source, path)
        except OSError as error:
            _remove(path)
            self._failed(error)
        else:
            self._keep(path, stored)

    def _keep(self, path: Path, stored: StateBytes) -> None:
        try:
            kept = self._copies.keep(path, stored.path)
        except OSError as error:
            self._failed(error)
            return
        with self._lock:
            if not self._given_up:
                self._written.append(kept)
                return
        _remove(kept)

    def _failed(self, error: OSError) -> None:
        if not self._given_up:
            self._given_up = True
            # Their directory is gone when the checkpoint is not wanted any more, which is nothing to worry about.
            _log.log(
                logging.INFO if isinstance(error, FileNotFoundError) else logging.WARNING,
                "no copies of checkpoint %d are kept on this host: %s; a restart reads what is stored elsewhere",
                self._checkpoint_id,
                error,
            )


class _Copy:
    """Writes what passes into a file, as long as that goes well.

    :ivar is_whole: all of it is in the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_whole = False
        self._file: BinaryIO | None = None
        self._held = bytearray()
        self._error: OSError | None = None
        self._passed = False

    def of(self, chunks: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        for chunk in chunks:
            if self._error is None:
                try:
                    self._take(chunk)
                except OSError as error:
                    self._error = error
            yield chunk
        self._passed = True

    def _take(self, chunk: bytes | memoryview) -> None:
        if self._file is None:
            if len(self._held) + memoryview(chunk).nbytes < _HELD:
                self._held += chunk
                return
            self._open()
        if self._file is not None:
            self._file.write(chunk)

    def _open(self) -> None:
        self._file = self.path.open("xb")
        self._file.write(self._held)
        self._held.clear()

    def finish(self) -> OSError | None:
        """All has passed. Returns what went wrong with the file, if something did."""
        if self._passed and self._error is None:
            try:
                if self._file is None:
                    self._open()
                self._close()
                self.is_whole = True
            except OSError as error:
                self._error = error
        return self._error

    def discard(self) -> None:
        """Remove an unfinished file; one that was kept has another name by now."""
        try:
            self._close()
        except OSError as error:
            _log.debug("an unfinished copy of a snapshot was not closed: %s", error)
        _remove(self.path)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.debug("the copy %s of a file of a snapshot is left until its job ends: %s", path, error)
