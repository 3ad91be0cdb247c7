"""Makes the state backends that the settings ask for."""

from __future__ import annotations

from millstream.common.config import StateOptions
from millstream.common.errors import ConfigurationError
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.heap_operator_state_backend import HeapOperatorStateBackend
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings, KeyedStateBackend
from millstream.taskmanager.state.operator_state_backend import OperatorStateBackend

__all__ = ["create_keyed_backend", "create_operator_backend"]


def create_keyed_backend(settings: KeyedBackendSettings) -> KeyedStateBackend:
    """Make the backend that ``state.backend.type`` names.

    :raises ConfigurationError: there is none with this name.
    """
    name = settings.configuration.get(StateOptions.BACKEND)
    if name in ("hashmap", "jobmanager", "filesystem"):  # the last two are Flink 1.7's
        return HeapKeyedStateBackend(settings.now_ms, settings)
    if name == "rocksdb":
        # Only then: its library need not be installed.
        from millstream.taskmanager.state.rocksdb.rocksdb_keyed_state_backend import RocksDbKeyedStateBackend

        return RocksDbKeyedStateBackend(settings)
    raise ConfigurationError(f"{StateOptions.BACKEND.key} is {name!r}; there are `hashmap` and `rocksdb`")


def create_operator_backend(settings: KeyedBackendSettings) -> OperatorStateBackend:
    """Make the backend of state without keys, which always lives in memory."""
    return HeapOperatorStateBackend(settings)
