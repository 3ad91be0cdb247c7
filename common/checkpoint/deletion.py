"""Deletes a snapshot that a user names, and nothing else."""

from __future__ import annotations

from millstream.common.checkpoint.errors import SnapshotError
from millstream.common.checkpoint.layout import METADATA
from millstream.common.checkpoint.metadata_file import read_metadata
from millstream.common.config import Configuration
from millstream.common.file_system import file_system_of, join, parent, qualified

__all__ = ["delete_snapshot"]


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
    # What is half deleted must not be taken for a snapshot.
    files.delete(join(stored.directory, METADATA))
    files.delete_directory(stored.directory)
