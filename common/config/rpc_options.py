"""Options of the calls between components."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.memory_size import MemorySizeKind
from millstream.common.config.option import option

__all__ = ["RpcOptions"]


class RpcOptions:
    """RPC"""

    ASK_TIMEOUT: Final = option(
        "pekko.ask.timeout",
        DURATION,
        timedelta(seconds=10),
        "Deadline of a call between components.",
        former=("akka.ask.timeout",),
    )
    FRAMESIZE: Final = option(
        "pekko.framesize",
        MemorySizeKind(minimum=1024),
        100 << 20,
        "Size of the largest message between components; a job's pickled functions travel in one.",
        former=("akka.framesize",),
    )
