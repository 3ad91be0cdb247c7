"""Options of checkpoints and savepoints."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.collection_kind import list_of
from millstream.common.config.duration import DURATION
from millstream.common.config.memory_size import MEMORY_SIZE
from millstream.common.config.option import option, optional
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind, one_of

__all__ = ["CheckpointingOptions"]


class CheckpointingOptions:
    """Checkpointing"""

    INTERVAL: Final = optional(
        "execution.checkpointing.interval",
        DURATION,
        "Time between two checkpoints. Unset: there are none.",
    )
    MODE: Final = option(
        "execution.checkpointing.mode",
        one_of("EXACTLY_ONCE", "AT_LEAST_ONCE"),
        "EXACTLY_ONCE",
        "Whether barriers are aligned, so that each record counts once.",
    )
    TIMEOUT: Final = option(
        "execution.checkpointing.timeout",
        DURATION,
        timedelta(minutes=10),
        "Time after which a checkpoint is given up.",
    )
    MIN_PAUSE: Final = option(
        "execution.checkpointing.min-pause",
        DURATION,
        timedelta(0),
        "Least time between the end of a checkpoint and the start of the next.",
    )
    MAX_CONCURRENT: Final = option(
        "execution.checkpointing.max-concurrent-checkpoints",
        IntegerKind(1),
        1,
        "Checkpoints under way at the same time.",
    )
    TOLERABLE_FAILED: Final = option(
        "execution.checkpointing.tolerable-failed-checkpoints",
        IntegerKind(0),
        0,
        "Failed checkpoints in a row that do not fail the job.",
    )
    EXTERNALIZED_RETENTION: Final = option(
        "execution.checkpointing.externalized-checkpoint-retention",
        one_of("RETAIN_ON_CANCELLATION", "DELETE_ON_CANCELLATION", "NO_EXTERNALIZED_CHECKPOINTS"),
        "NO_EXTERNALIZED_CHECKPOINTS",
        "What becomes of the last checkpoint when the job is cancelled.",
    )
    STORAGE: Final = optional(
        "execution.checkpointing.storage",
        STRING,
        "Where checkpoints are kept: `jobmanager` or `filesystem`. Unset: in files if there is a directory for them.",
        former=("state.checkpoint-storage",),
    )
    JOB_MANAGER_MAX_STATE_SIZE: Final = option(
        "execution.checkpointing.jobmanager-max-state-size",
        MEMORY_SIZE,
        5 << 20,
        "The most bytes of one state where checkpoints are kept in the JobManager.",
    )
    DIRECTORY: Final = optional(
        "execution.checkpointing.dir",
        STRING,
        "Directory of checkpoints, as a URI.",
        former=("state.checkpoints.dir", "state.backend.fs.checkpointdir"),
    )
    SAVEPOINT_DIRECTORY: Final = optional(
        "execution.checkpointing.savepoint-dir",
        STRING,
        "Directory of savepoints where none is named, as a URI.",
        former=("state.savepoints.dir", "savepoints.state.backend.fs.dir"),
    )
    NUM_RETAINED: Final = option(
        "execution.checkpointing.num-retained",
        IntegerKind(1),
        1,
        "Completed checkpoints that are kept.",
        former=("state.checkpoints.num-retained",),
    )
    INCREMENTAL: Final = option(
        "execution.checkpointing.incremental",
        BOOLEAN,
        False,
        "Whether a checkpoint holds only what changed since the one before.",
        former=("state.backend.incremental",),
    )
    LOCAL_BACKUP_ENABLED: Final = optional(
        "execution.checkpointing.local-backup.enabled",
        BOOLEAN,
        "Whether each host keeps a copy of its tasks' checkpoints on its own disk. Unset: if "
        "`execution.state-recovery.from-local` is on.",
    )
    LOCAL_BACKUP_DIRS: Final = option(
        "execution.checkpointing.local-backup.dirs",
        list_of(STRING, ",;"),
        [],
        "A TaskManager's directories for these copies, parted by commas; files are divided among them. Empty: those of "
        "`io.tmp.dirs`.",
        former=("taskmanager.state.local.root-dirs",),
    )
    DATA_INLINE_THRESHOLD: Final = option(
        "execution.checkpointing.data-inline-threshold",
        MEMORY_SIZE,
        20 << 10,
        "State smaller than this lies in the checkpoint's metadata rather than in a file.",
        former=("state.storage.fs.memory-threshold", "state.backend.fs.memory-threshold"),
    )
    WRITE_BUFFER_SIZE: Final = option(
        "execution.checkpointing.write-buffer-size",
        IntegerKind(1),
        4096,
        "Bytes of the buffer through which checkpoint files are written.",
        former=("state.storage.fs.write-buffer-size", "state.backend.fs.write-buffer-size"),
    )
    UNALIGNED_ENABLED: Final = option(
        "execution.checkpointing.unaligned.enabled",
        BOOLEAN,
        False,
        "Whether barriers overtake records, which then belong to the checkpoint.",
        former=("execution.checkpointing.unaligned",),
    )
    UNALIGNED_FORCED: Final = option(
        "execution.checkpointing.unaligned.forced",
        BOOLEAN,
        False,
        "Whether barriers overtake records also on the way from one subtask to the next (forward, rescale). After a "
        "change of the parallelism their event time may then not be in order.",
    )
    ALIGNED_TIMEOUT: Final = option(
        "execution.checkpointing.aligned-checkpoint-timeout",
        DURATION,
        timedelta(0),
        "If checkpoints are unaligned: for how long after their trigger barriers stay in line before they overtake; 0: "
        "they overtake at once.",
        former=("execution.checkpointing.alignment-timeout",),
    )
    AFTER_TASKS_FINISH: Final = option(
        "execution.checkpointing.checkpoints-after-tasks-finish",
        BOOLEAN,
        True,
        "Whether there are checkpoints after some tasks have finished.",
        former=("execution.checkpointing.checkpoints-after-tasks-finish.enabled",),
    )
    SNAPSHOT_COMPRESSION: Final = option(
        "execution.checkpointing.snapshot-compression",
        BOOLEAN,
        False,
        "Whether keyed state in canonical format is compressed, with snappy.",
    )
