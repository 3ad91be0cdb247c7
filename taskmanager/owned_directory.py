"""A directory that is one process' own: made, locked while the process lives, and removed.

A process that is killed removes nothing. Who makes a directory beside what such a one has left removes that: nobody
holds the lock in it any more.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["OwnedDirectory", "remove_abandoned"]

_log = logging.getLogger(__name__)

_LOCK = "owner.lock"


class OwnedDirectory:
    """A new directory.

    :ivar path: of it.
    """

    __slots__ = ("_lock", "path")

    def __init__(self, base: Path, prefix: str) -> None:
        """Make one in ``base``, and remove those there whose owners are dead.

        :param prefix: of its name, which tells whose such directories are.
        :raises OSError: it cannot be made.
        """
        base.mkdir(parents=True, exist_ok=True)
        remove_abandoned(base, prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
        self._lock: int | None = _new_lock(self.path)

    def __del__(self) -> None:
        # Who is dropped without a word leaves the directory, as one that is killed does: not its lock, which would
        # keep others from removing it.
        lock = getattr(self, "_lock", None)
        if lock is not None:
            os.close(lock)

    def remove(self) -> None:
        """Remove it with all that is in it; nothing the second time."""
        lock, self._lock = self._lock, None
        if lock is not None:
            try:
                _remove(self.path)
            finally:
                os.close(lock)


def remove_abandoned(base: Path, prefix: str) -> None:
    """Remove the directories in ``base`` whose owners are dead; what cannot be removed is logged."""
    for path in base.glob(f"{prefix}*"):
        lock = _try_lock(path / _LOCK)
        if lock is not None:
            try:
                _remove(path)
            except FileNotFoundError:
                pass  # its owner, or somebody else, has just removed it
            except OSError:
                _log.warning("%s was left by a process that is gone, and cannot be removed", path, exc_info=True)
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
