"""Options of the cluster's processes: registration, shutdown, diagnosis."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import Effect, option, optional
from millstream.common.config.value_kind import IntegerKind, one_of

__all__ = ["ClusterOptions"]


class ClusterOptions:
    """Cluster"""

    REGISTRATION_INITIAL_TIMEOUT: Final = option(
        "cluster.registration.initial-timeout",
        DURATION,
        timedelta(milliseconds=100),
        "Pause after the first failed attempt to register at another component; each further pause is twice as long.",
    )
    REGISTRATION_MAX_TIMEOUT: Final = option(
        "cluster.registration.max-timeout",
        DURATION,
        timedelta(seconds=30),
        "Longest deadline of an attempt to register.",
        effect=Effect.RESERVED,
    )
    REGISTRATION_ERROR_DELAY: Final = option(
        "cluster.registration.error-delay",
        DURATION,
        timedelta(seconds=10),
        "Longest pause between two attempts to register.",
    )
    REGISTRATION_REFUSED_DELAY: Final = option(
        "cluster.registration.refused-registration-delay",
        DURATION,
        timedelta(seconds=30),
        "Pause after an attempt to register that was refused.",
        effect=Effect.RESERVED,
    )
    SHUTDOWN_TIMEOUT: Final = option(
        "cluster.services.shutdown-timeout",
        DURATION,
        timedelta(seconds=30),
        "How long a process waits for its services to end.",
    )
    IO_POOL_SIZE: Final = optional(
        "cluster.io-pool.size",
        IntegerKind(1),
        "Threads for blocking input and output: in each slot those that write and read state. Unset: 4.",
    )
    UNCAUGHT_EXCEPTION_HANDLING: Final = option(
        "cluster.uncaught-exception-handling",
        one_of("LOG", "FAIL"),
        "LOG",
        "Whether an exception that nothing catches ends the process (`FAIL`) or is logged only.",
        effect=Effect.RESERVED,
    )
    INTERCEPT_USER_SYSTEM_EXIT: Final = option(
        "cluster.intercept-user-system-exit",
        one_of("DISABLED", "LOG", "THROW"),
        "DISABLED",
        "What happens when a user function calls `sys.exit`.",
        effect=Effect.RESERVED,
    )
    THREAD_DUMP_STACKTRACE_MAX_DEPTH: Final = option(
        "cluster.thread-dump.stacktrace-max-depth",
        IntegerKind(1),
        50,
        "Frames of each thread in a thread dump.",
        effect=Effect.RESERVED,
    )
