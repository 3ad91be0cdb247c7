"""Finds the files of a source and divides them into the parts that subtasks read.

Nobody hands out the parts: every subtask lists the files itself and takes what a rule gives it, so all have to list
alike. A file is divided into blocks of fixed size; block ``i`` goes to subtask
``(hash of the path + i) % parallelism``, so that a large file is read by all and many small ones are spread.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterable, Iterator

from millstream.connectors.file_system.file_split import FileSplit

__all__ = ["BLOCK_SIZE", "enumerate_files", "is_owned", "splits_of_subtask"]

BLOCK_SIZE = 4 * 1024 * 1024
_HIDDEN = (".", "_")


def enumerate_files(paths: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Path and size of each file: the given ones, and those in the given directories and below, in a fixed order.

    In directories, names that begin with ``.`` or ``_`` are left out.

    :raises FileNotFoundError: a path does not exist.
    :raises PermissionError: a directory cannot be listed.
    """
    for path in paths:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"Input path {path!r} does not exist on this machine; files have to be at the same place on all "
                "machines that read them"
            ) from None
        except PermissionError as error:
            raise PermissionError(f"Input path {path!r} cannot be read: {error.strerror}") from None
        if stat.S_ISDIR(status.st_mode):
            yield from _files_below(path, frozenset({(status.st_dev, status.st_ino)}))
        elif stat.S_ISREG(status.st_mode):
            yield path, status.st_size
        else:
            raise ValueError(f"Input path {path!r} is neither a file nor a directory")


def _files_below(directory: str, above: frozenset[tuple[int, int]]) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(directory) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except FileNotFoundError:
        return  # removed meanwhile
    except PermissionError as error:
        raise PermissionError(f"Directory {directory!r} cannot be listed: {error.strerror}") from None
    for entry in entries:
        if entry.name.startswith(_HIDDEN):
            continue
        try:
            status = entry.stat()
        except FileNotFoundError:
            continue  # a link that leads nowhere, or a file removed meanwhile
        if stat.S_ISDIR(status.st_mode):
            identity = (status.st_dev, status.st_ino)
            if identity not in above:  # else a link leads back up
                yield from _files_below(entry.path, above | {identity})
        elif stat.S_ISREG(status.st_mode):
            yield entry.path, status.st_size


def is_owned(path: str, index: int, parallelism: int) -> bool:
    """Whether subtask ``index`` reads a file that is read as a whole."""
    return _first_owner(path) % parallelism == index


def _first_owner(path: str) -> int:
    return zlib.crc32(path.encode("utf-8", "surrogateescape"))


def splits_of_subtask(
    files: Iterable[tuple[str, int]], index: int, parallelism: int, *, splittable: bool, block_size: int = BLOCK_SIZE
) -> Iterator[FileSplit]:
    """The parts that subtask ``index`` reads; adjoining blocks are one part."""
    for path, size in files:
        first_owner = _first_owner(path)
        if not splittable or FileSplit.is_compressed(path):
            if size and is_owned(path, index, parallelism):
                yield FileSplit(path, 0, None)
            continue
        blocks = -(-size // block_size)
        if parallelism == 1:
            if size:
                yield FileSplit(path, 0, size)
            continue
        for block in range((index - first_owner) % parallelism, blocks, parallelism):
            yield FileSplit(path, block * block_size, min((block + 1) * block_size, size))
