"""Where a slot's tasks put their snapshots, and where they get what they restore."""

from __future__ import annotations

from typing import Protocol

from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.checkpoint.snapshot_streams import snapshot_streams
from millstream.common.checkpoint.streams import SnapshotStreams, StateReader
from millstream.common.config import Configuration, StateOptions
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.taskmanager.local_state.copying_streams import CopyingStreams
from millstream.taskmanager.local_state.snapshot_copies import SnapshotCopies, keeps_copies

__all__ = ["ConfiguredStorage", "SnapshotStorage", "TaskStreams"]


class TaskStreams(SnapshotStreams, Protocol):
    """Takes one task's bytes of one checkpoint."""

    def abort(self) -> None:
        """The checkpoint is not wanted any more: what writes raises soon, what was written is deleted.

        Blocks. From any thread, also twice.
        """
        ...


class SnapshotStorage(Protocol):
    """Makes the ends of the storage of snapshots. Thread-safe, and slow: for threads."""

    def streams(self, checkpoint_id: int, options: CheckpointOptions) -> TaskStreams:
        """Return what takes the bytes of a checkpoint, which go where its barrier says."""
        ...

    def reader(self, checkpoint_id: int) -> StateReader:
        """Return what gives the bytes of an earlier checkpoint."""
        ...


class ConfiguredStorage:
    """The storage that the job's settings ask for."""

    def __init__(self, configuration: Configuration, copies: SnapshotCopies | None = None) -> None:
        """:param copies: what this host keeps of the job's snapshots, if it may keep anything."""
        self._configuration = configuration
        self._write_to = copies if keeps_copies(configuration) else None
        self._read_from = copies if configuration.get(StateOptions.RECOVERY_FROM_LOCAL) else None

    def streams(self, checkpoint_id: int, options: CheckpointOptions) -> TaskStreams:
        streams = snapshot_streams(options, self._configuration)
        # Of a savepoint there is no copy: the job may not live to need it, and it may be restored anywhere.
        if self._write_to is None or not options.directory or options.kind not in ("", "CHECKPOINT"):
            return streams
        return CopyingStreams(streams, self._write_to, checkpoint_id)

    def reader(self, checkpoint_id: int) -> StateReader:
        local = None if self._read_from is None else self._read_from.find
        return SnapshotReader(self._configuration, f"checkpoint {checkpoint_id}", local)
