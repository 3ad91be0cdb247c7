"""Where checkpoints are kept, as objects. Each writes the options that a configuration file would hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from millstream.common.config import CheckpointingOptions, Configuration
from millstream.common.errors import ConfigurationError

__all__ = [
    "CheckpointStorage",
    "CustomCheckpointStorage",
    "FileSystemCheckpointStorage",
    "JobManagerCheckpointStorage",
]


class CheckpointStorage(ABC):
    """A place for checkpoints."""

    @abstractmethod
    def write_to(self, configuration: Configuration) -> None:
        """Set the options that mean this."""


class JobManagerCheckpointStorage(CheckpointStorage):
    """In the master's memory: for tests and for jobs with little state."""

    DEFAULT_MAX_STATE_SIZE = 5 * 1024 * 1024

    def __init__(self, checkpoint_path: str | None = None, max_state_size: int | None = None) -> None:
        """Make a description of it.

        :param checkpoint_path: kept, without effect: checkpoints do not leave the master's memory, savepoints do.
        :param max_state_size: the most bytes of one state.
        """
        self._checkpoint_path = _directory(checkpoint_path)
        self._max_state_size = self.DEFAULT_MAX_STATE_SIZE if max_state_size is None else max_state_size

    def get_checkpoint_path(self) -> str | None:
        return self._checkpoint_path

    def get_max_state_size(self) -> int:
        """In bytes."""
        return self._max_state_size

    def get_savepoint_path(self) -> str | None:
        """``None``: savepoints have a directory of their own, ``execution.checkpointing.savepoint-dir``."""
        return None

    def write_to(self, configuration: Configuration) -> None:
        configuration.set(CheckpointingOptions.STORAGE, "jobmanager")
        configuration.set(CheckpointingOptions.DIRECTORY, self._checkpoint_path)
        configuration.set(CheckpointingOptions.JOB_MANAGER_MAX_STATE_SIZE, self._max_state_size)

    def __repr__(self) -> str:
        return f"JobManagerCheckpointStorage(checkpoints to {self._checkpoint_path}, {self._max_state_size} bytes)"


class FileSystemCheckpointStorage(CheckpointStorage):
    """In files of a directory that the master and all TaskManagers can reach."""

    MAX_FILE_STATE_THRESHOLD = 1024 * 1024

    def __init__(
        self,
        checkpoint_path: str | None = None,
        file_state_size_threshold: int | None = None,
        write_buffer_size: int = -1,
    ) -> None:
        """Make a description of it.

        :param checkpoint_path: the directory, as a URI; it must be given.
        :param file_state_size_threshold: state of fewer bytes lies in the metadata; ``None`` or -1: as configured.
        :param write_buffer_size: bytes; -1: as configured.
        :raises ValueError: there is no directory, or the threshold is above ``MAX_FILE_STATE_THRESHOLD``.
        """
        directory = _directory(checkpoint_path)
        if directory is None:
            raise ValueError("checkpoint_path must not be None")
        threshold = -1 if file_state_size_threshold is None else file_state_size_threshold
        if not -1 <= threshold <= self.MAX_FILE_STATE_THRESHOLD:
            raise ValueError(
                f"file_state_size_threshold must be -1 or from 0 to {self.MAX_FILE_STATE_THRESHOLD}, not {threshold}"
            )
        self._checkpoint_path = directory
        self._file_state_size_threshold = threshold
        self._write_buffer_size = write_buffer_size

    def get_checkpoint_path(self) -> str:
        return self._checkpoint_path

    def get_savepoint_path(self) -> str | None:
        """``None``: savepoints have a directory of their own, ``execution.checkpointing.savepoint-dir``."""
        return None

    def get_min_file_size_threshold(self) -> int:
        """In bytes."""
        default: int = CheckpointingOptions.DATA_INLINE_THRESHOLD.default
        return default if self._file_state_size_threshold < 0 else self._file_state_size_threshold

    def get_write_buffer_size(self) -> int:
        """In bytes."""
        default: int = CheckpointingOptions.WRITE_BUFFER_SIZE.default
        return default if self._write_buffer_size < 0 else self._write_buffer_size

    def write_to(self, configuration: Configuration) -> None:
        configuration.set(CheckpointingOptions.STORAGE, "filesystem")
        configuration.set(CheckpointingOptions.DIRECTORY, self._checkpoint_path)
        if self._file_state_size_threshold >= 0:
            configuration.set(CheckpointingOptions.DATA_INLINE_THRESHOLD, self._file_state_size_threshold)
        if self._write_buffer_size >= 0:
            configuration.set(CheckpointingOptions.WRITE_BUFFER_SIZE, self._write_buffer_size)

    def __repr__(self) -> str:
        return f"FileSystemCheckpointStorage(checkpoints to {self._checkpoint_path})"


class CustomCheckpointStorage(CheckpointStorage):
    """PyFlink's way to name a storage of one's own, which Flink loads as a Java class. There are none here."""

    def __init__(self, custom_checkpoint_storage: Any) -> None:
        """:param custom_checkpoint_storage: the name."""
        self._name = str(custom_checkpoint_storage)

    def write_to(self, configuration: Configuration) -> None:
        """Refuse.

        :raises ConfigurationError: always.
        """
        raise ConfigurationError(
            f"CustomCheckpointStorage({self._name!r}): storages of one's own are Java classes in Flink and do not "
            "exist here; use FileSystemCheckpointStorage with the URI of any file system, such as s3://bucket/checkpoints"
        )


def _directory(path: str | None) -> str | None:
    if path is None:
        return None
    if not isinstance(path, str) or not path:
        raise TypeError(f"a directory is given as a URI or a path, not {path!r}")
    return path.rstrip("/") or "/"
