"""Puts a local directory on the disk: a file that was made, renamed or deleted in it is so after a crash, too."""

from __future__ import annotations

import os

__all__ = ["sync_directory"]


def sync_directory(path: str) -> None:
    """Sync the entries of a directory.

    :raises OSError: it cannot be done.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
