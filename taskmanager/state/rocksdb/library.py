"""Finds the library that RocksDB comes with, only when a job asks for this backend."""

from __future__ import annotations

from types import ModuleType

from millstream.common.errors import ConfigurationError

__all__ = ["rocksdb_library"]


def rocksdb_library() -> ModuleType:
    """Return the module ``rocksdict``.

    :raises ConfigurationError: it is not installed.
    """
    try:
        import rocksdict
    except ImportError as error:
        raise ConfigurationError(
            "state.backend.type is `rocksdb`, but the library that it needs cannot be imported on this worker "
            f"({error}); run `pip install rocksdict`, or set state.backend.type to `hashmap`"
        ) from error
    return rocksdict
