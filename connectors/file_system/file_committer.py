"""Makes the files of a sink visible."""

from __future__ import annotations

import os
from collections.abc import Sequence

from millstream.connectors.file_system.part_file import PendingFile
from millstream.datastream.sink import CommitRequest, Committer

__all__ = ["FileCommitter"]


class FileCommitter(Committer):
    """Gives pending files the names that readers see."""

    def commit(self, requests: Sequence[CommitRequest]) -> None:
        """Rename the files.

        :raises OSError: a file cannot be renamed, or is gone.
        """
        committables: list[PendingFile] = [request.get_committable() for request in requests]
        for pending in committables:
            try:
                os.rename(pending.in_progress_path, pending.path)
            except OSError as error:
                if isinstance(error, FileNotFoundError) and os.path.exists(pending.path):
                    continue  # committed before
                raise OSError(
                    f"Output file {pending.path!r} cannot be finished: {pending.in_progress_path!r} cannot be renamed: "
                    f"{error.strerror or error}"
                ) from error
        for directory in sorted({os.path.dirname(pending.path) for pending in committables}):
            _sync_directory(directory)


def _sync_directory(path: str) -> None:
    """See the new names on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
