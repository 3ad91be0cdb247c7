"""The settings of checkpoints, under PyFlink's names.

A :class:`CheckpointConfig` is a view of the environment's :class:`Configuration`: what is set here is what the job's
configuration says, and the other way round.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from millstream.common.config import CheckpointingOptions, Configuration
from millstream.common.time import Duration, milliseconds_of
from millstream.datastream.checkpoint_storage import (
    CheckpointStorage,
    FileSystemCheckpointStorage,
    JobManagerCheckpointStorage,
)
from millstream.datastream.checkpointing_mode import CheckpointingMode
from millstream.datastream.externalized_checkpoint_cleanup import ExternalizedCheckpointCleanup
from millstream.datastream.externalized_checkpoint_retention import ExternalizedCheckpointRetention

__all__ = ["CheckpointConfig", "ExternalizedCheckpointCleanup"]

_LEAST_MS = 10
"""A shorter interval or timeout is surely a mistake: Flink refuses it too."""
_UNLIMITED = 2**31 - 1


class CheckpointConfig:
    """How, how often and where checkpoints are taken."""

    DEFAULT_MODE = CheckpointingMode.EXACTLY_ONCE
    DEFAULT_TIMEOUT = 600_000
    DEFAULT_MIN_PAUSE_BETWEEN_CHECKPOINTS = 0
    DEFAULT_MAX_CONCURRENT_CHECKPOINTS = 1

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._configuration = configuration if configuration is not None else Configuration()
        self._storage: CheckpointStorage | None = None

    def is_checkpointing_enabled(self) -> bool:
        """Whether an interval is set."""
        return self.get_checkpoint_interval() > 0

    def get_checkpointing_mode(self) -> CheckpointingMode:
        return CheckpointingMode[self._configuration.get(CheckpointingOptions.MODE)]

    def set_checkpointing_mode(self, checkpointing_mode: CheckpointingMode) -> CheckpointConfig:
        _check_enum(checkpointing_mode, CheckpointingMode)
        self._configuration.set(CheckpointingOptions.MODE, checkpointing_mode.name)
        return self

    get_checkpointing_consistency_mode = get_checkpointing_mode
    set_checkpointing_consistency_mode = set_checkpointing_mode

    def get_checkpoint_interval(self) -> int:
        """In ms; -1: there are no checkpoints."""
        interval = self._configuration.get(CheckpointingOptions.INTERVAL)
        return -1 if interval is None else _milliseconds(interval)

    def set_checkpoint_interval(self, checkpoint_interval: int) -> CheckpointConfig:
        """Set the time between the starts of two checkpoints, in ms. This turns them on.

        :raises ValueError: less than 10.
        """
        _check_int("checkpoint interval", checkpoint_interval, _LEAST_MS)
        self._configuration.set(CheckpointingOptions.INTERVAL, timedelta(milliseconds=checkpoint_interval))
        return self

    def get_checkpoint_timeout(self) -> int:
        """In ms."""
        return _milliseconds(self._configuration.get(CheckpointingOptions.TIMEOUT))

    def set_checkpoint_timeout(self, checkpoint_timeout: int) -> CheckpointConfig:
        """Set the time after which a checkpoint is given up, in ms.

        :raises ValueError: less than 10.
        """
        _check_int("checkpoint timeout", checkpoint_timeout, _LEAST_MS)
        self._configuration.set(CheckpointingOptions.TIMEOUT, timedelta(milliseconds=checkpoint_timeout))
        return self

    def get_min_pause_between_checkpoints(self) -> int:
        """In ms."""
        return _milliseconds(self._configuration.get(CheckpointingOptions.MIN_PAUSE))

    def set_min_pause_between_checkpoints(self, min_pause_between_checkpoints: int) -> CheckpointConfig:
        """Set the least time between the end of a checkpoint and the start of the next, in ms."""
        _check_int("pause between checkpoints", min_pause_between_checkpoints, 0)
        self._configuration.set(CheckpointingOptions.MIN_PAUSE, timedelta(milliseconds=min_pause_between_checkpoints))
        return self

    def get_max_concurrent_checkpoints(self) -> int:
        return self._configuration.get(CheckpointingOptions.MAX_CONCURRENT)

    def set_max_concurrent_checkpoints(self, max_concurrent_checkpoints: int) -> CheckpointConfig:
        """Set how many checkpoints may be under way at the same time."""
        _check_int("number of concurrent checkpoints", max_concurrent_checkpoints, 1)
        self._configuration.set(CheckpointingOptions.MAX_CONCURRENT, max_concurrent_checkpoints)
        return self

    def is_fail_on_checkpointing_errors(self) -> bool:
        """Whether a failed checkpoint fails the job."""
        return self.get_tolerable_checkpoint_failure_number() == 0

    def set_fail_on_checkpointing_errors(self, fail_on_checkpointing_errors: bool) -> CheckpointConfig:
        """Tolerate no failed checkpoint, or any number of them."""
        return self.set_tolerable_checkpoint_failure_number(0 if fail_on_checkpointing_errors else _UNLIMITED)

    def get_tolerable_checkpoint_failure_number(self) -> int:
        return self._configuration.get(CheckpointingOptions.TOLERABLE_FAILED)

    def set_tolerable_checkpoint_failure_number(self, tolerable_checkpoint_failure_number: int) -> CheckpointConfig:
        """Set how many checkpoints in a row may fail without failing the job."""
        _check_int("number of tolerable failures", tolerable_checkpoint_failure_number, 0)
        self._configuration.set(CheckpointingOptions.TOLERABLE_FAILED, tolerable_checkpoint_failure_number)
        return self

    def set_externalized_checkpoint_retention(
        self, retention_mode: ExternalizedCheckpointRetention
    ) -> CheckpointConfig:
        """Say what becomes of the last checkpoint when the job is cancelled."""
        _check_enum(retention_mode, ExternalizedCheckpointRetention)
        self._configuration.set(CheckpointingOptions.EXTERNALIZED_RETENTION, retention_mode.name)
        return self

    def get_externalized_checkpoint_retention(self) -> ExternalizedCheckpointRetention:
        return ExternalizedCheckpointRetention[self._configuration.get(CheckpointingOptions.EXTERNALIZED_RETENTION)]

    def is_externalized_checkpoints_enabled(self) -> bool:
        """Whether checkpoints outlive their job in some case."""
        none = ExternalizedCheckpointRetention.NO_EXTERNALIZED_CHECKPOINTS
        return self.get_externalized_checkpoint_retention() is not none

    def set_externalized_checkpoint_cleanup(self, cleanup_mode: ExternalizedCheckpointCleanup) -> CheckpointConfig:
        """The older name of :meth:`set_externalized_checkpoint_retention`."""
        _check_enum(cleanup_mode, ExternalizedCheckpointCleanup)
        self._configuration.set(CheckpointingOptions.EXTERNALIZED_RETENTION, cleanup_mode.name)
        return self

    enable_externalized_checkpoints = set_externalized_checkpoint_cleanup

    def get_externalized_checkpoint_cleanup(self) -> ExternalizedCheckpointCleanup:
        """The older name of :meth:`get_externalized_checkpoint_retention`."""
        return ExternalizedCheckpointCleanup[self._configuration.get(CheckpointingOptions.EXTERNALIZED_RETENTION)]

    def is_unaligned_checkpoints_enabled(self) -> bool:
        return self._configuration.get(CheckpointingOptions.UNALIGNED_ENABLED)

    def enable_unaligned_checkpoints(self, enabled: bool = True) -> CheckpointConfig:
        """Let barriers overtake records, which then belong to the checkpoint."""
        self._configuration.set(CheckpointingOptions.UNALIGNED_ENABLED, bool(enabled))
        return self

    def disable_unaligned_checkpoints(self) -> CheckpointConfig:
        return self.enable_unaligned_checkpoints(False)

    def set_aligned_checkpoint_timeout(self, alignment_timeout: Duration) -> CheckpointConfig:
        """Set the time of alignment after which a checkpoint becomes unaligned."""
        timeout = timedelta(milliseconds=milliseconds_of(alignment_timeout))
        self._configuration.set(CheckpointingOptions.ALIGNED_TIMEOUT, timeout)
        return self

    def get_aligned_checkpoint_timeout(self) -> Duration:
        return Duration.of_millis(_milliseconds(self._configuration.get(CheckpointingOptions.ALIGNED_TIMEOUT)))

    set_alignment_timeout = set_aligned_checkpoint_timeout
    get_alignment_timeout = get_aligned_checkpoint_timeout

    def set_force_unaligned_checkpoints(self, force_unaligned_checkpoints: bool = True) -> CheckpointConfig:
        """Take unaligned checkpoints also where they are not known to be safe."""
        self._configuration.set(CheckpointingOptions.UNALIGNED_FORCED, bool(force_unaligned_checkpoints))
        return self

    def is_force_unaligned_checkpoints(self) -> bool:
        return self._configuration.get(CheckpointingOptions.UNALIGNED_FORCED)

    def set_checkpoint_storage(self, storage: CheckpointStorage) -> CheckpointConfig:
        """Say where checkpoints are kept."""
        if not isinstance(storage, CheckpointStorage):
            raise TypeError(f"set_checkpoint_storage takes a CheckpointStorage, not {storage!r}")
        storage.write_to(self._configuration)
        self._storage = storage
        return self

    def set_checkpoint_storage_dir(self, checkpoint_path: str) -> CheckpointConfig:
        """Keep checkpoints in the files of a directory, given as a URI."""
        return self.set_checkpoint_storage(FileSystemCheckpointStorage(checkpoint_path))

    def get_checkpoint_storage(self) -> CheckpointStorage | None:
        """What was set, or what the configuration says; ``None``: nothing is set."""
        if self._storage is not None:
            return self._storage
        directory = self._configuration.get(CheckpointingOptions.DIRECTORY)
        if self._configuration.get(CheckpointingOptions.STORAGE) == "jobmanager":
            return JobManagerCheckpointStorage(
                directory, self._configuration.get(CheckpointingOptions.JOB_MANAGER_MAX_STATE_SIZE)
            )
        return None if directory is None else FileSystemCheckpointStorage(directory)


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _check_int(what: str, value: object, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"the {what} is a whole number, not {value!r}")
    if value < lowest:
        raise ValueError(f"the {what} must be at least {lowest}, not {value}")


def _check_enum(value: object, kind: type[Any]) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"a value of {kind.__name__} is needed, not {value!r}")
