"""Finds the file system of a path.

There is one per process for each store and settings: connections and limits are shared by all who use it.

A store that neither pyarrow nor fsspec knows is made known by :func:`register_file_system`, in each process that uses
its URIs: in the program for what its tasks read and write, in the masters for checkpoints.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias

from millstream.common.config import Configuration, FileSystemOptions
from millstream.common.errors import ConfigurationError
from millstream.common.file_system.drivers import open_driver
from millstream.common.file_system.file_system import FileSystem
from millstream.common.file_system.limits import LimitedFileSystem, StreamLimits
from millstream.common.file_system.local_file_system import LocalFileSystem
from millstream.common.file_system.uri import Location, absolute, join, location

__all__ = ["FileSystemFactory", "file_system_of", "qualified", "register_file_system"]

FileSystemFactory: TypeAlias = Callable[[str, Configuration], FileSystem]
"""Makes the file system of a store, named by ``scheme://authority/``, with the settings of its user."""

_factories: dict[str, FileSystemFactory] = {}
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


def register_file_system(scheme: str, factory: FileSystemFactory) -> Callable[[], None]:
    """Let URIs of a scheme be served by a file system of one's own, in this process, in the place of any other.

    :param scheme: in lower case; ``file`` also stands for plain paths.
    :param factory: called once for each store of the scheme and each set of ``fs.*`` settings.
    :return: ends that.
    :raises ValueError: the scheme is not one, or is registered already.
    """
    if not scheme or location(f"{scheme}:///").scheme != scheme:
        raise ValueError(f"{scheme!r} cannot be the scheme of a URI: lower case letters, then also digits, +, - and .")
    with _lock:
        if scheme in _factories:
            raise ValueError(f"there is a file system for {scheme}:// already; end its registration first")
        _factories[scheme] = factory
        _forget(scheme)

    def end() -> None:
        with _lock:
            if _factories.get(scheme) is factory:
                del _factories[scheme]
                _forget(scheme)

    return end


def _forget(scheme: str) -> None:
    for known in [known for known in _known if known[0] == scheme]:
        del _known[known]


def _make(where: Location, configuration: Configuration) -> FileSystem:
    bare: FileSystem
    factory = _factories.get(where.scheme)
    if factory is not None:
        bare = factory(f"{where.scheme}://{where.authority}/", configuration)
    elif where.scheme == "file":
        bare = LocalFileSystem()
    else:
        bare = open_driver(where, configuration)
    limits = StreamLimits.of(where.scheme, configuration)
    return bare if limits is None else LimitedFileSystem(bare, limits)
