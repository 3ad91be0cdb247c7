"""Options of state backends and of the recovery of state."""

from __future__ import annotations

from typing import Final

from millstream.common.config.option import Effect, option, optional
from millstream.common.config.value_kind import BOOLEAN, STRING, one_of

__all__ = ["StateOptions"]


class StateOptions:
    """State"""

    BACKEND: Final = option(
        "state.backend.type",
        STRING,
        "hashmap",
        "Where keyed state lives: `hashmap` or `rocksdb`.",
        former=("state.backend",),
    )
    HEAP_FORK: Final = option(
        "state.backend.heap.snapshot.fork",
        BOOLEAN,
        True,
        "Whether large snapshots of `hashmap` are written by a forked copy of the slot's process, which has the state "
        "as it was at the barrier. The task then pauses for the fork only, some milliseconds; what changes while the "
        "copy is at work is in memory twice. Without it, what user code could still change is serialised before the "
        "next record. Not on macOS and Windows.",
    )
    RECOVERY_PATH: Final = optional(
        "execution.state-recovery.path",
        STRING,
        "Savepoint or checkpoint that a job starts from (`-s`).",
        former=("execution.savepoint.path",),
    )
    RECOVERY_IGNORE_UNCLAIMED_STATE: Final = option(
        "execution.state-recovery.ignore-unclaimed-state",
        BOOLEAN,
        False,
        "Whether a savepoint may hold state of operators that the job does not have (`-n`).",
        former=("execution.savepoint.ignore-unclaimed-state",),
    )
    RECOVERY_CLAIM_MODE: Final = option(
        "execution.state-recovery.claim-mode",
        one_of("NO_CLAIM", "CLAIM", "LEGACY"),
        "NO_CLAIM",
        "Who owns the files of a snapshot after a job has started from it (`-cm`). `LEGACY` is `NO_CLAIM`.",
        former=("execution.savepoint-restore-mode",),
    )
    RECOVERY_FROM_LOCAL: Final = option(
        "execution.state-recovery.from-local",
        BOOLEAN,
        False,
        "Whether a restarted task prefers the copy of its state on its own host.",
        former=("state.backend.local-recovery",),
    )
    CHANGELOG_ENABLED: Final = option(
        "state.changelog.enabled",
        BOOLEAN,
        False,
        "Whether changes of state are logged continuously.",
        former=("state.backend.changelog.enabled",),
        effect=Effect.RESERVED,
    )
    LATENCY_TRACK_ENABLED: Final = option(
        "state.latency-track.keyed-state-enabled",
        BOOLEAN,
        False,
        "Whether there are metrics of the time that access to keyed state takes.",
        effect=Effect.RESERVED,
    )
