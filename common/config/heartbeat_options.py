"""Options of the heartbeats by which components notice each other's death."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import option
from millstream.common.config.value_kind import IntegerKind

__all__ = ["HeartbeatOptions"]


class HeartbeatOptions:
    """Heartbeats"""

    INTERVAL: Final = option("heartbeat.interval", DURATION, timedelta(seconds=10), "Time between two heartbeats.")
    TIMEOUT: Final = option(
        "heartbeat.timeout",
        DURATION,
        timedelta(seconds=50),
        "Time without a heartbeat after which the other side counts as dead. Longer than the interval. "
        "For so long a slot worker may stand still (SIGSTOP), too.",
    )
    RPC_FAILURE_THRESHOLD: Final = option(
        "heartbeat.rpc-failure-threshold",
        IntegerKind(-1),
        2,
        "Failed heartbeat calls in a row after which the other side counts as dead at once; -1 waits for the timeout.",
    )
