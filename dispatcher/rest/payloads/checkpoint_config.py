"""How checkpoints of a job are taken, as an answer."""

from __future__ import annotations

from typing import Final

from millstream.common.config import Configuration, StateOptions
from millstream.dispatcher.rest.messages.checkpoint_config import CheckpointConfigInfo, ExternalizedCheckpointInfo
from millstream.jobmanager.checkpoint.settings import CheckpointSettings, Retention

__all__ = ["checkpoint_config"]

_NEVER: Final = 2**63 - 1
_BACKENDS: Final = {"hashmap": "HashMapStateBackend", "rocksdb": "EmbeddedRocksDBStateBackend"}
_CHANGELOG_INTERVAL_MS: Final = 600_000
"""There is no changelog; this is what Flink says of one that is not configured."""
_CHANGELOG_STORAGE: Final = "memory"


def checkpoint_config(configuration: Configuration) -> CheckpointConfigInfo:
    """Return the settings of a job's checkpoints.

    :param configuration: of the job, over that of the cluster.
    :raises ConfigurationError: the job could not start with it.
    """
    settings = CheckpointSettings.from_configuration(configuration)
    backend = configuration.get(StateOptions.BACKEND)
    return CheckpointConfigInfo(
        mode="exactly_once" if settings.exactly_once else "at_least_once",
        interval=settings.interval_ms if settings.interval_ms is not None else _NEVER,
        timeout=settings.timeout_ms,
        min_pause=settings.min_pause_ms,
        max_concurrent=settings.max_concurrent,
        externalization=ExternalizedCheckpointInfo(
            enabled=settings.retention is not Retention.NO_EXTERNALIZED_CHECKPOINTS,
            delete_on_cancellation=settings.retention is not Retention.RETAIN_ON_CANCELLATION,
        ),
        state_backend=_BACKENDS.get(backend, backend),
        checkpoint_storage="FileSystemCheckpointStorage" if settings.directory else "JobManagerCheckpointStorage",
        unaligned_checkpoints=settings.unaligned,
        tolerable_failed_checkpoints=settings.tolerable_failures,
        aligned_checkpoint_timeout=settings.aligned_timeout_ms,
        checkpoints_after_tasks_finish=settings.after_tasks_finish,
        state_changelog_enabled=False,
        changelog_periodic_materialization_interval=_CHANGELOG_INTERVAL_MS,
        changelog_storage=_CHANGELOG_STORAGE,
    )
