"""The directory of one backend, for RocksDB's files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from millstream.common.config import Configuration, CoreOptions, RocksDbOptions
from millstream.common.errors import MillstreamError
from millstream.taskmanager.owned_directory import OwnedDirectory

__all__ = ["LocalDirectory", "base_directory"]

_PREFIX = "millstream-rocksdb-"


def base_directory(configuration: Configuration, slot_directory: Path | None, subtask_index: int) -> Path:
    """Return where backends make their directories: where the configuration says, else in the slot's directory."""
    configured = configuration.get(RocksDbOptions.LOCALDIR)
    if configured:
        return Path(configured[subtask_index % len(configured)].removeprefix("file://"))
    if slot_directory is not None:
        return slot_directory
    temporary = configuration.get(CoreOptions.TMP_DIRS)
    return Path(temporary[subtask_index % len(temporary)] if temporary else tempfile.gettempdir())


class LocalDirectory:
    """A new directory.

    :ivar path: of it.
    """

    __slots__ = ("_owned", "path")

    def __init__(self, base: Path) -> None:
        """Make one in ``base``, and remove those there whose owners are dead.

        :raises MillstreamError: it cannot be made.
        """
        try:
            self._owned = OwnedDirectory(base, _PREFIX)
        except OSError as error:
            raise MillstreamError(
                f"no directory for RocksDB can be made in {base}: {error}; set state.backend.rocksdb.localdir to a "
                "local directory that the worker may write to"
            ) from error
        self.path = self._owned.path

    def remove(self) -> None:
        """Remove it with all that is in it; nothing the second time."""
        self._owned.remove()
