"""Deletes what belongs to a snapshot, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.checkpoint.errors import SnapshotError
from millstream.common.checkpoint.layout import METADATA, CheckpointLayout
from millstream.common.checkpoint.metadata_file import read_metadata
from millstream.common.config import Configuration
from millstream.common.file_system import FileSystem, FileSystemError, file_system_of, join, parent, qualified

__all__ = ["delete_checkpoint", "delete_shared_files", "delete_snapshot"]


def delete_checkpoint(layout: CheckpointLayout, checkpoint_id: int, configuration: Configuration | None = None) -> None:
    """Delete the directory of a checkpoint, complete or not; nothing if it is not there. Blocks.

    Files that it shares with others stay.
    """
    directory = layout.checkpoint(checkpoint_id)
    _delete(file_system_of(directory, configuration), directory)


def delete_shared_files(
    layout: CheckpointLayout, paths: Iterable[str], configuration: Configuration | None = None
) -> None:
    """Delete files that no checkpoint refers to any more. Blocks.

    :raises SnapshotError: one of them does not lie in the job's directory of shared files; none is deleted.
    :raises FileSystemError: one could not be deleted; all others are.
    """
    found = list(paths)
    for path in found:
        if parent(path) != layout.shared:
            raise SnapshotError(f"{path} is no shared file of job {layout.job_id} and is not deleted")
    files = file_system_of(layout.shared, configuration)
    failure: FileSystemError | None = None
    for path in found:
        try:
            files.delete(path)
        except FileSystemError as error:
            failure = failure or error
    if failure is not None:
        raise failure


def delete_snapshot(path: str, configuration: Configuration | None = None) -> None:
    """Delete a savepoint or a retained checkpoint that a user names by its directory or its metadata file. Blocks.

    :raises SnapshotError: it is none, or there is more in the directory than a snapshot.
    """
    stored = read_metadata(path, configuration)
    wanted = qualified(path, configuration)
    if stored.directory not in (wanted, parent(wanted)):
        raise SnapshotError(f"{path} holds several checkpoints: name one, such as {stored.directory}")
    files = file_system_of(stored.directory, configuration)
    foreign = [entry.name for entry in files.list(stored.directory) if entry.is_directory]
    if foreign:
        raise SnapshotError(
            f"{stored.directory} is not deleted: there is more than a snapshot in it ({', '.join(foreign)})"
        )
    _delete(files, stored.directory)


def _delete(files: FileSystem, directory: str) -> None:
    # What is half deleted must not be taken for a snapshot.
    files.delete(join(directory, METADATA))
    files.delete_directory(directory)
