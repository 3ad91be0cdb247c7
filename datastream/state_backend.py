"""Where keyed state lives while a job runs, as objects that write the options of a configuration file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from millstream.common.config import CheckpointingOptions, Configuration, RocksDbOptions, StateOptions
from millstream.common.errors import ConfigurationError
from millstream.datastream.checkpoint_storage import FileSystemCheckpointStorage, JobManagerCheckpointStorage

__all__ = [
    "CustomStateBackend",
    "EmbeddedRocksDBStateBackend",
    "FsStateBackend",
    "HashMapStateBackend",
    "MemoryStateBackend",
    "PredefinedOptions",
    "RocksDBStateBackend",
    "StateBackend",
    "state_backend_of",
]


class StateBackend(ABC):
    """A kind of state backend."""

    @abstractmethod
    def write_to(self, configuration: Configuration) -> None:
        """Set the options that mean this."""


class HashMapStateBackend(StateBackend):
    """Python objects in the memory of the workers: fast, and as large as the memory."""

    def write_to(self, configuration: Configuration) -> None:
        configuration.set(StateOptions.BACKEND, "hashmap")


class PredefinedOptions(Enum):
    """Settings of RocksDB for a kind of hardware."""

    DEFAULT = 0
    SPINNING_DISK_OPTIMIZED = 1
    SPINNING_DISK_OPTIMIZED_HIGH_MEM = 2
    FLASH_SSD_OPTIMIZED = 3


class EmbeddedRocksDBStateBackend(StateBackend):
    """In RocksDB, on the workers' disks: as large as the disks."""

    def __init__(self, enable_incremental_checkpointing: bool | None = None) -> None:
        """:param enable_incremental_checkpointing: checkpoints hold only what has changed; ``None``: as configured."""
        self._incremental = enable_incremental_checkpointing
        self._db_storage_paths: tuple[str, ...] = ()
        self._predefined_options: PredefinedOptions | None = None
        self._options: str | None = None
        self._transfer_threads: int | None = None

    def set_db_storage_paths(self, *paths: str) -> None:
        """Set the local directories of RocksDB's files; none: those that are configured."""
        if not all(isinstance(path, str) and path for path in paths):
            raise TypeError(f"directories are given as texts, not {paths!r}")
        self._db_storage_paths = tuple(_local_directory(path) for path in paths)

    def get_db_storage_paths(self) -> list[str]:
        return list(self._db_storage_paths)

    def is_incremental_checkpoints_enabled(self) -> bool:
        return bool(self._incremental)

    def set_predefined_options(self, options: PredefinedOptions) -> None:
        if not isinstance(options, PredefinedOptions):
            raise TypeError(f"predefined options are a value of PredefinedOptions, not {options!r}")
        self._predefined_options = options

    def get_predefined_options(self) -> PredefinedOptions:
        return self._predefined_options or PredefinedOptions.DEFAULT

    def set_options(self, options_factory_class_name: str) -> None:
        """Kept, but without a meaning: such a factory is a Java class."""
        self._options = options_factory_class_name

    def get_options(self) -> str | None:
        return self._options

    def get_number_of_transfer_threads(self) -> int:
        return self._transfer_threads or RocksDbOptions.TRANSFER_THREADS.default

    def set_number_of_transfer_threads(self, number_of_transfering_threads: int) -> None:
        """Set how many files are copied at the same time, to and from checkpoints."""
        if number_of_transfering_threads < 1:
            raise ValueError(f"at least one thread transfers files, not {number_of_transfering_threads}")
        self._transfer_threads = number_of_transfering_threads

    def write_to(self, configuration: Configuration) -> None:
        configuration.set(StateOptions.BACKEND, "rocksdb")
        if self._incremental is not None:
            configuration.set(CheckpointingOptions.INCREMENTAL, self._incremental)
        if self._db_storage_paths:
            configuration.set(RocksDbOptions.LOCALDIR, list(self._db_storage_paths))
        if self._predefined_options is not None:
            configuration.set(RocksDbOptions.PREDEFINED_OPTIONS, self._predefined_options.name)
        if self._transfer_threads is not None:
            configuration.set(RocksDbOptions.TRANSFER_THREADS, self._transfer_threads)


def _local_directory(path: str) -> str:
    parts = urlsplit(path)
    return parts.path.rstrip("/") or "/" if parts.scheme == "file" else path


def state_backend_of(name: str) -> StateBackend:
    """The state backend that ``state.backend`` names in a configuration, under its older names too."""
    made = {
        "hashmap": HashMapStateBackend,
        "jobmanager": MemoryStateBackend,
        "rocksdb": EmbeddedRocksDBStateBackend,
    }.get(name)
    return CustomStateBackend(name) if made is None else made()


class CustomStateBackend(StateBackend):
    """A state backend by the name of its factory: ``package.module.Factory``."""

    def __init__(self, custom_state_backend: Any) -> None:
        """:param custom_state_backend: the name."""
        self._name = str(custom_state_backend)

    def write_to(self, configuration: Configuration) -> None:
        """:raises ConfigurationError: there are no other state backends than Millstream's own."""
        raise ConfigurationError(
            f"there is no state backend {self._name!r}: a custom one is a Java class in Flink; use "
            "HashMapStateBackend() (state in memory) or EmbeddedRocksDBStateBackend() (state on disk)"
        )


class MemoryStateBackend(StateBackend):
    """The older name of a :class:`HashMapStateBackend` with checkpoints in the master's memory."""

    DEFAULT_MAX_STATE_SIZE = 5 * 1024 * 1024

    def __init__(
        self,
        checkpoint_path: str | None = None,
        savepoint_path: str | None = None,
        max_state_size: int | None = None,
        using_asynchronous_snapshots: bool | None = None,
    ) -> None:
        self._storage = JobManagerCheckpointStorage(checkpoint_path, max_state_size)
        self._savepoint_path = savepoint_path
        self._asynchronous = using_asynchronous_snapshots

    def get_max_state_size(self) -> int:
        """In bytes."""
        return self._storage.get_max_state_size()

    def is_using_asynchronous_snapshots(self) -> bool:
        return self._asynchronous is not False

    def write_to(self, configuration: Configuration) -> None:
        HashMapStateBackend().write_to(configuration)
        self._storage.write_to(configuration)
        if self._savepoint_path is not None:
            configuration.set(CheckpointingOptions.SAVEPOINT_DIRECTORY, self._savepoint_path)


class FsStateBackend(StateBackend):
    """The older name of a :class:`HashMapStateBackend` with checkpoints in files."""

    def __init__(
        self,
        checkpoint_directory_uri: str | None = None,
        default_savepoint_directory_uri: str | None = None,
        file_state_size_threshold: int | None = None,
        write_buffer_size: int | None = None,
        using_asynchronous_snapshots: bool | None = None,
    ) -> None:
        """Make a description of it.

        :raises ValueError: there is no directory.
        """
        if checkpoint_directory_uri is None:
            raise ValueError("The parameter 'checkpoint_directory_uri' is required!")
        buffer = -1 if write_buffer_size is None else write_buffer_size
        self._storage = FileSystemCheckpointStorage(checkpoint_directory_uri, file_state_size_threshold, buffer)
        self._savepoint_path = default_savepoint_directory_uri
        self._asynchronous = using_asynchronous_snapshots

    def get_checkpoint_path(self) -> str:
        return self._storage.get_checkpoint_path()

    def get_min_file_size_threshold(self) -> int:
        """In bytes."""
        return self._storage.get_min_file_size_threshold()

    def is_using_asynchronous_snapshots(self) -> bool:
        return self._asynchronous is not False

    def get_write_buffer_size(self) -> int:
        """In bytes."""
        return self._storage.get_write_buffer_size()

    def write_to(self, configuration: Configuration) -> None:
        HashMapStateBackend().write_to(configuration)
        self._storage.write_to(configuration)
        if self._savepoint_path is not None:
            configuration.set(CheckpointingOptions.SAVEPOINT_DIRECTORY, self._savepoint_path)


class RocksDBStateBackend(EmbeddedRocksDBStateBackend):
    """The older name of an :class:`EmbeddedRocksDBStateBackend` with checkpoints in files."""

    def __init__(
        self,
        checkpoint_data_uri: str | None = None,
        enable_incremental_checkpointing: bool | None = None,
        checkpoint_stream_backend: StateBackend | None = None,
    ) -> None:
        """Make a description of it.

        :raises ValueError: there is neither a directory nor a backend for the checkpoints.
        """
        super().__init__(enable_incremental_checkpointing)
        if checkpoint_stream_backend is None:
            if checkpoint_data_uri is None:
                raise ValueError("The parameter 'checkpoint_data_uri' is required!")
            checkpoint_stream_backend = FsStateBackend(checkpoint_data_uri)
        self._checkpoint_backend = checkpoint_stream_backend
        self._ttl_compaction_filter = True

    def is_ttl_compaction_filter_enabled(self) -> bool:
        return self._ttl_compaction_filter

    def disable_ttl_compaction_filter(self) -> None:
        """Kept, but without a meaning, as in Flink since 1.10."""
        self._ttl_compaction_filter = False

    def get_checkpoint_backend(self) -> StateBackend:
        """The backend that says where checkpoints are kept."""
        return self._checkpoint_backend

    def get_number_of_transfering_threads(self) -> int:
        return self.get_number_of_transfer_threads()

    def set_number_of_transfering_threads(self, number_of_transfering_threads: int) -> None:
        self.set_number_of_transfer_threads(number_of_transfering_threads)

    def write_to(self, configuration: Configuration) -> None:
        self._checkpoint_backend.write_to(configuration)
        super().write_to(configuration)
