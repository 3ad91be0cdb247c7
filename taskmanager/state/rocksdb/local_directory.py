"""The directory of one backend: made, owned while the process lives, and removed.

A worker that is killed removes nothing. Who makes a directory beside what such a one has left removes that: nobody
holds the lock in it any more.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path

from millstream.common.config import Configuration, CoreOptions, RocksDbOptions
from millstream.common.errors import MillstreamError

__all__ = ["LocalDirectory", "base_directory"]

_log = logging.getLogger(__name__)

_PREFIX = "millstream-rocksdb-"
_LOCK = "owner.lock"


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

    __slots__ = ("_lock", "path")

    def __init__(self, base: Path) -> None:
        """Make one in ``base``, and remove those there whose owners are dead.

        :raises MillstreamError: it cannot be made.
        """
        try:
            base.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(base)
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
            self._lock: int | None = _new_lock(self.path)
        except OSError as error:
            raise MillstreamError(
                f"no directory for RocksDB can be made in {base}: {error}; set state.backend.rocksdb.localdir to a "
                "local directory that the worker may write to"
            ) from error

    def remove(self) -> None:
        """Remove it with all that is in it; nothing the second time."""
        lock, self._lock = self._lock, None
        if lock is not None:
            try:
                _remove(self.path)
            finally:
                os.close(lock)


def _new_lock(directory: Path) -> int:
    """Return the open file that is a new directory's lock. Others see it when it is locked, not before."""
    hidden = directory / f"{_LOCK}.new"
    lock = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    hidden.rename(directory / _LOCK)
    return lock


def _try_lock(path: Path) -> int | None:
    """Return an open file that is locked as long as it is open; ``None``: it is locked, or not there."""
    try:
        lock = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _remove_abandoned(base: Path) -> None:
    for path in base.glob(f"{_PREFIX}*"):
        lock = _try_lock(path / _LOCK)
        if lock is not None:
            try:
                _remove(path)
            except FileNotFoundError:
                pass  # its owner, or somebody else, has just removed it
            except OSError:
                _log.warning("%s was left by a worker that is gone, and cannot be removed", path, exc_info=True)
            finally:
                os.close(lock)


def _remove(path: Path) -> None:
    """Remove a directory; its lock last, so that what could not be removed is found again."""
    for each in path.iterdir():
        if each.name != _LOCK:
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()
    (path / _LOCK).unlink(missing_ok=True)
    path.rmdir()
