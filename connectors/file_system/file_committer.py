"""Makes the files of a sink visible."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from millstream.common.fault_points import FaultPoint
from millstream.common.file_system import FileSystemError
from millstream.connectors.file_system.part_file import ObsoleteFile, PendingFile
from millstream.connectors.file_system.part_store import PartStore
from millstream.datastream.sink import CommitRequest, Committer

__all__ = ["FileCommitter"]

_LOG = logging.getLogger(__name__)

_RENAMED: Final = FaultPoint(
    "file-sink.renamed", "one file of a checkpoint has its name, others have not, and it is not synced", OSError
)


class FileCommitter(Committer):
    """Gives pending files the names that readers see, and deletes obsolete ones.

    :param restored_checkpoint_id: what was committed up to it may have been read and taken away since.
    """

    def __init__(self, store: PartStore, restored_checkpoint_id: int | None = None) -> None:
        self._store = store
        self._restored = restored_checkpoint_id

    def commit(self, requests: Sequence[CommitRequest]) -> None:
        """Rename the files.

        :raises OSError: a file cannot be renamed, or is gone.
        """
        directories = set()
        for request in requests:
            committable = request.get_committable()
            if isinstance(committable, ObsoleteFile):
                self._store.delete(committable.path)
                continue
            if self._rename(committable, request):
                directories.add(committable.path.rpartition("/")[0])
                _RENAMED.reach()
        self._store.sync(directories)

    def _rename(self, pending: PendingFile, request: CommitRequest) -> bool:
        """Whether it has its name now."""
        try:
            if self._store.rename(pending.in_progress_path, pending.path):
                return True
        except (OSError, FileSystemError) as error:
            raise self._unfinishable(pending, getattr(error, "strerror", None) or str(error)) from error
        checkpoint_id = request.checkpoint_id
        if self._restored is not None and checkpoint_id is not None and checkpoint_id <= self._restored:
            _LOG.warning(
                "The output file %r of checkpoint %d is not there, neither finished nor hidden: it was finished "
                "before, and taken away, or it is lost",
                pending.path,
                checkpoint_id,
            )
            request.signal_already_committed()
            return False
        raise self._unfinishable(pending, "it is not there")

    def _unfinishable(self, pending: PendingFile, reason: str) -> OSError:
        return OSError(
            f"Output file {pending.path!r} cannot be finished: {pending.in_progress_path!r} cannot be renamed: {reason}"
        )
