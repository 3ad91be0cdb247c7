"""Options of how a job's tasks work."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import option
from millstream.common.config.value_kind import BOOLEAN, one_of

__all__ = ["ExecutionOptions"]


class ExecutionOptions:
    """Execution"""

    RUNTIME_MODE: Final = option(
        "execution.runtime-mode",
        one_of("STREAMING", "BATCH", "AUTOMATIC"),
        "STREAMING",
        "`STREAMING` gives results as the input comes. `BATCH` is for bounded input: keyed aggregations give one "
        "result per key at its end. `AUTOMATIC` is `BATCH` if all sources are bounded, else `STREAMING`.",
    )
    BUFFER_TIMEOUT: Final = option(
        "execution.buffer-timeout.interval",
        DURATION,
        timedelta(milliseconds=100),
        "Longest time that a record waits for its network buffer to fill; 0 sends each record at once.",
        former=("execution.buffer-timeout",),
    )
    BUFFER_TIMEOUT_ENABLED: Final = option(
        "execution.buffer-timeout.enabled",
        BOOLEAN,
        True,
        "Whether a buffer that is not full is sent after the interval; otherwise only full ones are.",
    )
