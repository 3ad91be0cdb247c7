"""Where a slot's tasks put their snapshots, and where they get what they restore."""

from __future__ import annotations

from typing import Protocol

from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.checkpoint.snapshot_streams import snapshot_streams
from millstream.common.checkpoint.streams import SnapshotStreams, StateReader
from millstream.common.config import Configuration
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions

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

    def streams(self, options: CheckpointOptions) -> TaskStreams:
        """Return what takes the bytes of a checkpoint, which go where its barrier says."""
        ...

    def reader(self, checkpoint_id: int) -> StateReader:
        """Return what gives the bytes of an earlier checkpoint."""
        ...


class ConfiguredStorage:
    """The storage that the job's settings ask for."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration

    def streams(self, options: CheckpointOptions) -> TaskStreams:
        return snapshot_streams(options, self._configuration)

    def reader(self, checkpoint_id: int) -> StateReader:
        return SnapshotReader(self._configuration, f"checkpoint {checkpoint_id}")
