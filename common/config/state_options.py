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
        effect=Effect.RESERVED,
    )
    RECOVERY_PATH: Final = optional(
        "execution.state-recovery.path",
        STRING,
        "Savepoint or checkpoint that a job starts from (`-s`).",
        former=("execution.savepoint.path",),
        effect=Effect.RESERVED,
    )
    RECOVERY_IGNORE_UNCLAIMED_STATE: Final = option(
        "execution.state-recovery.ignore-unclaimed-state",
        BOOLEAN,
        False,
        "Whether a savepoint may hold state of operators that the job does not have (`-n`).",
        former=("execution.savepoint.ignore-unclaimed-state",),
        effect=Effect.RESERVED,
    )
    RECOVERY_CLAIM_MODE: Final = option(
        "execution.state-recovery.claim-mode",
        one_of("NO_CLAIM", "CLAIM", "LEGACY"),
        "NO_CLAIM",
        "Who owns the files of a snapshot after a job has started from it (`-cm`).",
        former=("execution.savepoint-restore-mode",),
        effect=Effect.RESERVED,
    )
    RECOVERY_FROM_LOCAL: Final = option(
        "execution.state-recovery.from-local",
        BOOLEAN,
        False,
        "Whether a restarted task prefers the copy of its state on its own host.",
        former=("state.backend.local-recovery",),
        effect=Effect.RESERVED,
    )
    ROCKSDB_LOCALDIR: Final = optional(
        "state.backend.rocksdb.localdir", STRING, "Directory of RocksDB's files.", effect=Effect.RESERVED
    )
    ROCKSDB_TIMER_SERVICE: Final = option(
        "state.backend.rocksdb.timer-service.factory",
        one_of("ROCKSDB", "HEAP"),
        "ROCKSDB",
        "Where timers live under the RocksDB backend.",
        effect=Effect.RESERVED,
    )
    ROCKSDB_MANAGED_MEMORY: Final = option(
        "state.backend.rocksdb.memory.managed",
        BOOLEAN,
        True,
        "Whether RocksDB keeps within the managed memory.",
        effect=Effect.RESERVED,
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
