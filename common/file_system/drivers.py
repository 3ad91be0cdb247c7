"""Which driver serves which scheme.

pyarrow has drivers of its own for the great stores; all other schemes are fsspec's, of which pyarrow makes one of its
own kind. Neither is imported before a URI asks for it.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from millstream.common.config import Configuration, FileSystemOptions
from millstream.common.file_system.file_system import FileSystemError
from millstream.common.file_system.remote_file_system import RemoteFileSystem
from millstream.common.file_system.uri import Location

__all__ = ["open_driver"]

_S3 = ("s3", "s3a", "s3n", "s3p")
_OBJECT_STORES = (*_S3, "gs", "gcs", "abfs", "abfss")
_ARROW = (*_OBJECT_STORES, "hdfs", "viewfs", "mock")


def open_driver(where: Location, configuration: Configuration) -> RemoteFileSystem:
    """Connect to the store of a URI.

    :raises FileSystemError: there is no driver of this scheme, or it cannot reach its store.
    """
    base = f"{where.scheme}://{where.authority}/"
    general = where.scheme in configuration.get(FileSystemOptions.ALLOWED_FALLBACK)
    try:
        if where.scheme in _ARROW and not general:
            driver, root = _arrow(where, base, configuration)
            return RemoteFileSystem(driver, root, shows_whole=where.scheme in _OBJECT_STORES)
        driver, root = _fsspec(where, base)
        # Some of fsspec's drivers finish a file also when writing it failed.
        return RemoteFileSystem(driver, root, shows_whole=False)
    except (OSError, ValueError, ImportError) as error:
        raise FileSystemError(f"{base} cannot be reached: {type(error).__name__}: {error}") from error


def _arrow(where: Location, base: str, configuration: Configuration) -> tuple[Any, str]:
    from pyarrow import fs

    if where.scheme in _S3:
        if not where.authority:
            raise ValueError(f"a bucket is missing: {where.scheme}://<bucket>/...")
        return _s3(configuration), where.authority
    driver, root = fs.FileSystem.from_uri(base)
    return driver, root


def _s3(configuration: Configuration) -> Any:
    from pyarrow import fs

    settings: dict[str, Any] = {
        "access_key": configuration.get(FileSystemOptions.S3_ACCESS_KEY),
        "secret_key": configuration.get(FileSystemOptions.S3_SECRET_KEY),
        "region": configuration.get(FileSystemOptions.S3_REGION),
    }
    endpoint = configuration.get(FileSystemOptions.S3_ENDPOINT)
    if endpoint is not None:
        scheme, separator, host = endpoint.rstrip("/").rpartition("://")
        settings["endpoint_override"] = host
        settings["scheme"] = scheme if separator else "https"
        settings["force_virtual_addressing"] = not configuration.get(FileSystemOptions.S3_PATH_STYLE)
    return fs.S3FileSystem(**settings)


def _fsspec(where: Location, base: str) -> tuple[Any, str]:
    if importlib.util.find_spec("fsspec") is None:
        raise ImportError(
            f"the scheme {where.scheme!r} is served by fsspec, which is not installed: pip install 'millstream[fsspec]'"
        )
    import fsspec
    from pyarrow import fs

    if where.scheme not in fsspec.available_protocols():
        raise ValueError(
            f"there is no file system with the scheme {where.scheme!r}; there are file, {', '.join(_ARROW[:-1])}, and "
            "those of fsspec"
        )
    driver, root = fsspec.core.url_to_fs(base)
    return fs.PyFileSystem(fs.FSSpecHandler(driver)), root or "/"
