"""Options of clients."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import option

__all__ = ["ClientOptions"]


class ClientOptions:
    """Client"""

    TIMEOUT: Final = option(
        "client.timeout",
        DURATION,
        timedelta(minutes=1),
        "How long the command line waits for the cluster's answer.",
        former=("akka.client.timeout",),
    )
    HEARTBEAT_INTERVAL: Final = option(
        "client.heartbeat.interval",
        DURATION,
        timedelta(seconds=30),
        "Time between two signs of life of an attached client whose job is to end with it (`-sae`).",
    )
    HEARTBEAT_TIMEOUT: Final = option(
        "client.heartbeat.timeout",
        DURATION,
        timedelta(minutes=3),
        "Time without a sign of life after which an attached client counts as gone.",
    )
