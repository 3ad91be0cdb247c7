"""Which storage a job's snapshots go to, as its settings say."""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.checkpoint.file_snapshot_streams import FileSnapshotStreams
from millstream.common.checkpoint.layout import CheckpointLayout
from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.config import CheckpointingOptions, Configuration
from millstream.common.errors import ConfigurationError
from millstream.common.file_system import qualified
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions

__all__ = ["CheckpointStorageSettings", "snapshot_streams"]


@dataclass(frozen=True, slots=True)
class CheckpointStorageSettings:
    """Where checkpoints and savepoints are kept.

    :ivar in_memory: the state of checkpoints travels inline and stays in the master.
    :ivar directory: of checkpoints; ``None``: their metadata too stays in the master. With ``in_memory`` only the
        metadata is written there, with all state in it.
    :ivar savepoint_directory: where savepoints go if no other place is named.
    """

    in_memory: bool
    directory: str | None
    savepoint_directory: str | None

    @staticmethod
    def of(configuration: Configuration) -> CheckpointStorageSettings:
        """Read the settings. Where a directory is given and no storage, it is that directory.

        :raises ConfigurationError: there is no such storage, or its directory is missing.
        """
        storage = configuration.get(CheckpointingOptions.STORAGE)
        given = configuration.get(CheckpointingOptions.DIRECTORY)
        savepoints = configuration.get(CheckpointingOptions.SAVEPOINT_DIRECTORY)
        if storage not in (None, "jobmanager", "filesystem"):
            raise ConfigurationError(
                f"{CheckpointingOptions.STORAGE.key} is {storage!r}; there are `jobmanager` and `filesystem`, and no "
                "storages of one's own"
            )
        if storage == "filesystem" and given is None:
            raise ConfigurationError(
                f"{CheckpointingOptions.STORAGE.key} is `filesystem`; say where: {CheckpointingOptions.DIRECTORY.key}"
            )
        return CheckpointStorageSettings(
            in_memory=storage == "jobmanager" or given is None,
            directory=None if given is None else qualified(given, configuration),
            savepoint_directory=None if savepoints is None else qualified(savepoints, configuration),
        )

    def layout(self, job_id: str) -> CheckpointLayout | None:
        """The directories of a job's checkpoints; ``None``: there are none."""
        return None if self.directory is None else CheckpointLayout(self.directory, job_id)


def snapshot_streams(
    options: CheckpointOptions, configuration: Configuration
) -> FileSnapshotStreams | MemorySnapshotStreams:
    """Make the streams of a task's snapshot, which go where its barrier says."""
    if options.directory:
        return FileSnapshotStreams(options.directory, options.shared_directory, configuration)
    return MemorySnapshotStreams(configuration.get(CheckpointingOptions.JOB_MANAGER_MAX_STATE_SIZE))
