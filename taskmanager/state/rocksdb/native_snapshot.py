"""Snapshots that are the database's own files: hard links at the barrier, copied to where checkpoints are afterwards.

RocksDB never changes a file with values, it only writes new ones. So an incremental checkpoint refers to those that an
earlier one, which is complete, has brought there already.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from millstream.common.checkpoint.streams import SnapshotStreams, StateReader
from millstream.common.errors import MillstreamError
from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle, NamedFile
from millstream.taskmanager.state.canonical_format import StateMeta

__all__ = ["FILES", "FORMAT", "NativeMeta", "NativeSnapshot", "SharedFiles", "download"]

FORMAT = "rocksdb"
FILES = "files"
"""RocksDB makes the directory of a checkpoint itself."""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class NativeMeta:
    """What is said of a database in a snapshot.

    :ivar states: of all column families.
    :ivar next_sequence: greater than that of every segment of a list.
    """

    states: tuple[StateMeta, ...]
    next_sequence: int
    max_parallelism: int

    def encode(self) -> bytes:
        """Return its bytes."""
        states = [meta.to_json() for meta in self.states]
        fields = {
            "version": _VERSION,
            "states": states,
            "next_sequence": self.next_sequence,
            "max_parallelism": self.max_parallelism,
        }
        return json.dumps(fields, separators=(",", ":")).encode("ascii")

    @staticmethod
    def decode(data: bytes) -> NativeMeta:
        """Return what :meth:`encode` made bytes of.

        :raises MillstreamError: another version of Millstream wrote it.
        """
        fields = json.loads(data)
        if fields.get("version") != _VERSION:
            raise MillstreamError(
                f"a snapshot of RocksDB's files has the version {fields.get('version')!r}, and this Millstream reads "
                f"version {_VERSION}; restore it with the version that wrote it and take a canonical savepoint"
            )
        return NativeMeta(
            tuple(map(StateMeta.from_json, fields["states"])), fields["next_sequence"], fields["max_parallelism"]
        )


class SharedFiles:
    """Which files of the database complete checkpoints hold. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._complete: dict[str, NamedFile] = {}
        self._complete_id = -1
        self._written: dict[int, dict[str, NamedFile]] = {}

    def start_from(self, files: Sequence[NamedFile]) -> None:
        """The database was made of these, and of no others."""
        with self._lock:
            self._complete = {file.name: file for file in files if file.shared}
            self._complete_id = -1
            self._written.clear()

    def usable(self) -> dict[str, NamedFile]:
        """What a new checkpoint may refer to, by name."""
        with self._lock:
            return dict(self._complete)

    def written(self, checkpoint_id: int, files: Sequence[NamedFile]) -> None:
        """A checkpoint, which is not complete yet, has these."""
        with self._lock:
            self._written[checkpoint_id] = {file.name: file for file in files if file.shared}

    def complete(self, checkpoint_id: int) -> None:
        """A checkpoint is complete; older ones may be deleted any time."""
        with self._lock:
            files = self._written.pop(checkpoint_id, None)
            if files is not None and checkpoint_id > self._complete_id:
                self._complete = files
                self._complete_id = checkpoint_id
            for older in [each for each in self._written if each < checkpoint_id]:
                del self._written[older]

    def aborted(self, checkpoint_id: int) -> None:
        """A checkpoint never will be complete, and its files are deleted."""
        with self._lock:
            self._written.pop(checkpoint_id, None)


class NativeSnapshot:
    """The files in a directory, to be copied."""

    def __init__(
        self,
        directory: Path,
        meta: NativeMeta,
        key_groups: KeyGroupRange,
        *,
        usable: dict[str, NamedFile],
        shared: bool,
        threads: int,
        on_written: Callable[[Sequence[NamedFile]], None],
    ) -> None:
        """
        :param directory: belongs to the snapshot; the files are in :data:`FILES` in it.
        :param usable: what may be referred to.
        :param shared: later checkpoints may refer to what this one writes.
        """
        self._directory = directory
        self._meta = meta
        self._key_groups = key_groups
        self._usable = usable
        self._shared = shared
        self._threads = threads
        self._on_written = on_written

    def write(self, streams: SnapshotStreams) -> KeyedStateHandle | None:
        """See :class:`RunningSnapshot`."""
        paths = sorted(path for path in (self._directory / FILES).iterdir() if path.is_file())
        known = {path.name: self._known(path) for path in paths}
        new = [path for path in paths if known[path.name] is None]
        for path in paths:
            earlier = known[path.name]
            if earlier is not None:
                streams.refer(earlier.bytes, path)

        def copy(path: Path) -> NamedFile:
            shared = self._shared and path.suffix == ".sst"
            # What is in a file is said by its bytes; the names of others could not be told apart in one directory.
            stored = streams.write_file(
                f"{path.stem}-{path.suffix[1:]}" if path.suffix else path.name, path, shared=shared
            )
            return NamedFile(name=path.name, bytes=stored, shared=shared)

        with ThreadPoolExecutor(min(self._threads, max(1, len(new))), "copy-rocksdb-files") as pool:
            copied = list(pool.map(copy, new))
        files = [file for file in known.values() if file is not None] + copied
        if self._shared:
            self._on_written(files)
        self.discard()
        return KeyedStateHandle(
            first_key_group=self._key_groups.start,
            last_key_group=self._key_groups.end,
            format=FORMAT,
            files=files,
            meta=self._meta.encode(),
            full_size=sum(file.bytes.size for file in files),
            new_size=sum(file.bytes.size for file in copied),
        )

    def _known(self, path: Path) -> NamedFile | None:
        """The same file, where an earlier checkpoint has it. No name is ever used for another file."""
        if not self._shared or path.suffix != ".sst":
            return None
        return self._usable.get(path.name)

    def discard(self) -> None:
        """See :class:`RunningSnapshot`."""
        shutil.rmtree(self._directory, ignore_errors=True)  # another thread may do the same


def download(handle: KeyedStateHandle, reader: StateReader, target: Path, threads: int) -> None:
    """Put the files of a handle into a directory.

    :raises MillstreamError: one is missing or damaged.
    """
    for file in handle.files:
        if not file.name or Path(file.name).name != file.name:
            raise MillstreamError(f"a snapshot of RocksDB's files names one {file.name!r}, which is no file's name")
    with ThreadPoolExecutor(min(threads, max(1, len(handle.files))), "copy-rocksdb-files") as pool:
        list(pool.map(lambda file: reader.download(file.bytes, target / file.name), handle.files))
