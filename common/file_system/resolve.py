"""Finds the file system of a path.

There is one per process for each store and settings: connections and limits are shared by all who use it.
"""

from __future__ import annotations

import threading

from millstream.common.config import Configuration, FileSystemOptions
from millstream.common.errors import ConfigurationError
from millstream.common.file_system.drivers import open_driver
from millstream.common.file_system.file_system import FileSystem
from millstream.common.file_system.limits import LimitedFileSystem, StreamLimits
from millstream.common.file_system.local_file_system import LocalFileSystem
from millstream.common.file_system.uri import Location, absolute, join, location

__all__ = ["file_system_of", "qualified"]

_known: dict[tuple[str, str, tuple[tuple[str, str], ...]], FileSystem] = {}
_lock = threading.Lock()


def qualified(path: str, configuration: Configuration | None = None) -> str:
    """Return a path as all processes understand it.

    A URI stays as it is. A plain path is one of the file system that ``fs.default-scheme`` names; without that it is
    local and becomes absolute.

    :raises ConfigurationError: the default is no URI of a file system.
    :raises FileSystemError: the path is empty, or a URI with steps upwards.
    """
    where = location(path)
    default = None if configuration is None else configuration.get(FileSystemOptions.DEFAULT_SCHEME)
    if where.scheme or not default:
        return absolute(path)
    base = location(default)
    if not base.scheme:
        raise ConfigurationError(
            f"{FileSystemOptions.DEFAULT_SCHEME.key} is {default!r}; give a URI, such as hdfs://namenode:8020/"
        )
    if base.scheme == "file":
        return absolute(path)
    return join(absolute(default), *(step for step in path.split("/") if step))


def file_system_of(path: str, configuration: Configuration | None = None) -> FileSystem:
    """Return the file system of a path; plain paths are local (see :func:`qualified`).

    :param configuration: limits, credentials and endpoints; ``None``: there are none.
    :raises FileSystemError: there is no driver for the scheme, or it cannot reach its store.
    """
    settings = configuration if configuration is not None else Configuration()
    where = location(path)
    scheme = where.scheme or "file"
    relevant = tuple(sorted((key, value) for key, value in settings.to_map().items() if key.startswith(("fs.", "s3."))))
    known = scheme, "" if scheme == "file" else where.authority, relevant
    with _lock:
        found = _known.get(known)
        if found is None:
            found = _known[known] = _make(Location(*known[:2], "/"), settings)
        return found


def _make(where: Location, configuration: Configuration) -> FileSystem:
    bare: FileSystem = LocalFileSystem() if where.scheme == "file" else open_driver(where, configuration)
    limits = StreamLimits.of(where.scheme, configuration)
    return bare if limits is None else LimitedFileSystem(bare, limits)
