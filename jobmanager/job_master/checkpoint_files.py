"""What the master does to the files of a job's checkpoints. All of it blocks and is called from threads."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.checkpoint.errors import BrokenSnapshotError
from millstream.common.checkpoint.layout import (
    METADATA,
    SHARED,
    TASK_OWNED,
    CheckpointLayout,
    checkpoint_id_of,
    new_savepoint_directory,
)
from millstream.common.checkpoint.metadata_file import read_metadata, write_metadata
from millstream.common.checkpoint.state_paths import with_relative_paths
from millstream.common.config import Configuration
from millstream.common.file_system import FileStatus, FileSystem, FileSystemError, file_system_of, join, qualified
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.ids import IdFactory, JobID
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata
from millstream.jobmanager.checkpoint.events import (
    CheckpointRestored,
    ClaimMode,
    LocationPrepared,
    RecoveredCheckpoint,
)

__all__ = ["CheckpointFiles"]


class CheckpointFiles:
    """The directories of one job's checkpoints and savepoints.

    :param configuration: the job's settings over those of the cluster: where stores are and how they are reached.
    """

    def __init__(self, job_id: JobID, configuration: Configuration, ids: IdFactory) -> None:
        self._job_id = job_id
        self._configuration = configuration
        self._ids = ids

    def read(self, path: str, claim_mode: ClaimMode) -> CheckpointRestored:
        """Read the snapshot that the job is to begin from.

        :param path: its directory, its metadata file, or the directory of a job's checkpoints: the latest of them.
        :raises MillstreamError: it is not there or cannot be read.
        """
        stored = read_metadata(path, self._configuration)
        return CheckpointRestored(with_relative_paths(stored.metadata, stored.directory), stored.directory, claim_mode)

    def recover(self, pointer: CheckpointPointer) -> RecoveredCheckpoint:
        """Read a checkpoint that an earlier leader of the job has completed.

        :raises MillstreamError: it is not there or cannot be read.
        """
        stored = read_metadata(pointer.directory, self._configuration)
        if stored.metadata.checkpoint_id != pointer.checkpoint_id:
            raise BrokenSnapshotError(
                f"{stored.directory} is checkpoint {stored.metadata.checkpoint_id} and not {pointer.checkpoint_id}, "
                "which was completed there"
            )
        metadata = with_relative_paths(stored.metadata, stored.directory)
        return RecoveredCheckpoint(metadata, stored.directory, pointer.owned)

    def prepare(self, checkpoint_id: int, base_directory: str, *, savepoint: bool) -> LocationPrepared:
        """Make the directories of a checkpoint, or that of a savepoint.

        :raises MillstreamError: they cannot be made.
        """
        base = qualified(base_directory, self._configuration)
        files = self._files(base)
        if savepoint:
            directory = new_savepoint_directory(base, self._job_id, self._ids)
            files.make_directories(directory)
            return LocationPrepared(checkpoint_id, directory)
        layout = CheckpointLayout(base, self._job_id)
        directory = layout.checkpoint(checkpoint_id)
        for each in (directory, layout.shared, layout.task_owned):
            files.make_directories(each)
        return LocationPrepared(checkpoint_id, directory, layout.shared)

    def write(self, directory: str, metadata: CheckpointMetadata) -> None:
        """Make a checkpoint complete.

        :raises MillstreamError: its metadata could not be written.
        """
        write_metadata(metadata, directory, self._configuration)

    def delete_files(self, paths: Iterable[str]) -> None:
        """Delete files, all that can be.

        :raises FileSystemError: the first failure, after all others have been tried.
        """
        first: FileSystemError | None = None
        for path in paths:
            try:
                self._files(path).delete(path)
            except FileSystemError as error:
                first = first or error
        if first is not None:
            raise first

    def delete_directory(self, directory: str) -> None:
        """Delete the directory of a checkpoint or savepoint.

        :raises FileSystemError: some of it is still there, but not its metadata.
        """
        files = self._files(directory)
        # What is half deleted must not be taken for a checkpoint.
        files.delete(join(directory, METADATA))
        files.delete_directory(directory)

    def delete_left_checkpoints(self, directory: str, before: int, kept: Iterable[int]) -> None:
        """Delete checkpoints in a job's directory, all that can be.

        :param before: those with ids below this one.
        :param kept: but not with these ids.
        :raises FileSystemError: the first failure, after all others have been tried.
        """
        self._delete_checkpoints(qualified(directory, self._configuration), before, kept)

    def _delete_checkpoints(self, directory: str, before: int, kept: Iterable[int] = ()) -> list[FileStatus]:
        """Returns what else is in the directory."""
        first: FileSystemError | None = None
        others = []
        for entry in self._files(directory).list(directory):
            checkpoint_id = checkpoint_id_of(entry.name) if entry.is_directory else None
            if checkpoint_id is None or checkpoint_id >= before or checkpoint_id in kept:
                others.append(entry)
                continue
            try:
                self.delete_directory(entry.path)
            except FileSystemError as error:
                first = first or error
        if first is not None:
            raise first
        return others

    def delete_job_directory(self, directory: str, before: int) -> None:
        """Delete a job's checkpoints, and then the whole directory, if there is nothing in it of anybody else: neither
        a checkpoint of an earlier job with the same id, nor what a user has put there, such as a savepoint.

        :param before: the job's checkpoints have ids below this one.
        :raises FileSystemError: some of it is still there.
        """
        directory = qualified(directory, self._configuration)
        files = self._files(directory)
        others = self._delete_checkpoints(directory, before)
        if all(entry.is_directory and entry.name in (SHARED, TASK_OWNED) for entry in others) and not any(
            inner.is_directory for entry in others for inner in files.list(entry.path)
        ):
            files.delete_directory(directory)
        else:
            self.delete_empty_directories(directory)

    def delete_empty_directories(self, directory: str) -> None:
        """Delete what is empty of a job's directory, and all of it if there is nothing else in it.

        A task that heard late that its checkpoint was given up may have made that one's directory again.

        :raises FileSystemError: it could not be looked at or deleted.
        """
        directory = qualified(directory, self._configuration)
        files = self._files(directory)
        entries = files.list(directory)
        empty = [entry for entry in entries if entry.is_directory and not files.list(entry.path)]
        if len(empty) == len(entries):
            files.delete_directory(directory)
        else:
            for entry in empty:
                files.delete_directory(entry.path)

    def _files(self, path: str) -> FileSystem:
        return file_system_of(path, self._configuration)
