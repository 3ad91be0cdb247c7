"""Changes what a running process logs, as a message of the wire asks."""

from __future__ import annotations

from millstream.common.logging.levels import set_level
from millstream.common.wire.inspection_pb2 import SetLogLevelRequest

__all__ = ["set_log_level"]


def set_log_level(request: SetLogLevelRequest) -> None:
    """Let a logger of this process log from a level on.

    :raises MillstreamError: there can be no such logger, or there is no such level.
    """
    set_level(request.logger, request.level)
