"""Which streams a task's snapshot is written to."""

from __future__ import annotations

from millstream.common.checkpoint.file_snapshot_streams import FileSnapshotStreams
from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.config import CheckpointingOptions, Configuration
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions

__all__ = ["snapshot_streams"]


def snapshot_streams(
    options: CheckpointOptions, configuration: Configuration
) -> FileSnapshotStreams | MemorySnapshotStreams:
    """Make the streams of a task's snapshot, which go where its barrier says."""
    if options.directory:
        return FileSnapshotStreams(options.directory, options.shared_directory, configuration)
    return MemorySnapshotStreams(configuration.get(CheckpointingOptions.JOB_MANAGER_MAX_STATE_SIZE))
