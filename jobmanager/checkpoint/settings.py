"""The settings that the checkpoint coordinator goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from millstream.common.config import CheckpointingOptions, Configuration, StateOptions, WebOptions
from millstream.common.errors import ConfigurationError
from millstream.common.states import JobStatus

__all__ = ["CheckpointSettings", "Retention"]


class Retention(Enum):
    """What becomes of a job's checkpoints when it ends. Those of a job that has FINISHED are always deleted."""

    RETAIN_ON_CANCELLATION = "RETAIN_ON_CANCELLATION"
    """They stay when the job is cancelled, and when it fails."""
    DELETE_ON_CANCELLATION = "DELETE_ON_CANCELLATION"
    """They are deleted when the job is cancelled and stay when it fails."""
    NO_EXTERNALIZED_CHECKPOINTS = "NO_EXTERNALIZED_CHECKPOINTS"
    """They never stay."""


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """Times in ms.

    :ivar interval_ms: from one periodic checkpoint to the next; ``None``: there are none.
    :ivar exactly_once: barriers are aligned; else records may be processed twice.
    :ivar timeout_ms: how long a checkpoint may take.
    :ivar min_pause_ms: from the end of a checkpoint to the begin of the next periodic one.
    :ivar max_concurrent: checkpoints under way at a time, savepoints counted; 1 if they are unaligned.
    :ivar tolerable_failures: so many checkpoints may fail in a row.
    :ivar retention: what stays when the job ends.
    :ivar num_retained: completed checkpoints that are kept.
    :ivar incremental: a checkpoint may refer to files of earlier ones.
    :ivar unaligned: barriers overtake records.
    :ivar aligned_timeout_ms: of unaligned checkpoints: how long barriers stay in line first; 0: they never do.
    :ivar after_tasks_finish: there are checkpoints while some tasks have finished, and tasks wait for a last one.
    :ivar directory: where checkpoints go, a URI; empty: they travel to this process and stay in its memory.
    :ivar savepoint_directory: where savepoints go that name no directory; empty: they must name one.
    :ivar history_size: checkpoints whose statistics are kept.
    :ivar allow_unclaimed_state: a job may start from a snapshot with state that none of its operators takes.
    :ivar recovery_path: the snapshot that a new job begins from; empty: from none.
    """

    interval_ms: int | None = None
    exactly_once: bool = True
    timeout_ms: int = 600_000
    min_pause_ms: int = 0
    max_concurrent: int = 1
    tolerable_failures: int = 0
    retention: Retention = Retention.NO_EXTERNALIZED_CHECKPOINTS
    num_retained: int = 1
    incremental: bool = False
    unaligned: bool = False
    aligned_timeout_ms: int = 0
    after_tasks_finish: bool = True
    directory: str = ""
    savepoint_directory: str = ""
    history_size: int = 10
    allow_unclaimed_state: bool = False
    recovery_path: str = ""

    @property
    def enabled(self) -> bool:
        """There are periodic checkpoints."""
        return self.interval_ms is not None

    def keeps_nothing(self, status: JobStatus) -> bool:
        """Whether nothing stays of the checkpoints of a job that ends with this status."""
        if status is JobStatus.FINISHED or self.retention is Retention.NO_EXTERNALIZED_CHECKPOINTS:
            return True
        return status is JobStatus.CANCELED and self.retention is Retention.DELETE_ON_CANCELLATION

    def directory_of(self, job_id: str) -> str:
        """Return the URI of the directory that a job's checkpoints are in; empty: there is none."""
        return f"{self.directory.rstrip('/')}/{job_id}" if self.directory else ""

    def shares_directory(self, job_id: str) -> bool:
        """Whether checkpoints of an earlier job with the same id are in the job's directory: it has begun from one of
        them, so that nobody can tell by its id alone whose a checkpoint is.
        """
        return job_id in self.recovery_path.split("/")

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> CheckpointSettings:
        """Read them from ``execution.checkpointing.*`` and their like.

        :raises ConfigurationError: two of them contradict each other.
        """
        interval = configuration.get(CheckpointingOptions.INTERVAL)
        exactly_once = configuration.get(CheckpointingOptions.MODE) == "EXACTLY_ONCE"
        unaligned = exactly_once and configuration.get(CheckpointingOptions.UNALIGNED_ENABLED)
        settings = cls(
            interval_ms=None if not interval else _ms(interval),
            exactly_once=exactly_once,
            timeout_ms=_ms(configuration.get(CheckpointingOptions.TIMEOUT)),
            min_pause_ms=_ms(configuration.get(CheckpointingOptions.MIN_PAUSE)),
            max_concurrent=1 if unaligned else configuration.get(CheckpointingOptions.MAX_CONCURRENT),
            tolerable_failures=configuration.get(CheckpointingOptions.TOLERABLE_FAILED),
            retention=Retention(configuration.get(CheckpointingOptions.EXTERNALIZED_RETENTION)),
            num_retained=configuration.get(CheckpointingOptions.NUM_RETAINED),
            incremental=configuration.get(CheckpointingOptions.INCREMENTAL),
            unaligned=unaligned,
            aligned_timeout_ms=_ms(configuration.get(CheckpointingOptions.ALIGNED_TIMEOUT)),
            after_tasks_finish=configuration.get(CheckpointingOptions.AFTER_TASKS_FINISH),
            directory=_directory(configuration),
            savepoint_directory=configuration.get(CheckpointingOptions.SAVEPOINT_DIRECTORY) or "",
            history_size=configuration.get(WebOptions.CHECKPOINTS_HISTORY),
            allow_unclaimed_state=configuration.get(StateOptions.RECOVERY_IGNORE_UNCLAIMED_STATE),
            recovery_path=configuration.get(StateOptions.RECOVERY_PATH) or "",
        )
        if settings.timeout_ms < 1:
            raise ConfigurationError(
                f"{CheckpointingOptions.TIMEOUT.key} must be above 0: every checkpoint would be given up at once"
            )
        return settings


def _directory(configuration: Configuration) -> str:
    directory = configuration.get(CheckpointingOptions.DIRECTORY) or ""
    storage = configuration.get(CheckpointingOptions.STORAGE) or ("filesystem" if directory else "jobmanager")
    if storage == "jobmanager":
        return ""
    if storage != "filesystem":
        raise ConfigurationError(
            f"{CheckpointingOptions.STORAGE.key} is {storage!r}; it must be one of jobmanager, filesystem"
        )
    if not directory:
        raise ConfigurationError(
            f"{CheckpointingOptions.STORAGE.key} is filesystem, but {CheckpointingOptions.DIRECTORY.key} names no "
            "directory; set it to a URI that all TaskManagers and the JobManager reach"
        )
    return directory


def _ms(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
