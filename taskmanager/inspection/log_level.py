"""Changes what a running process logs."""

from __future__ import annotations

import logging
import re

from millstream.common.errors import MillstreamError
from millstream.common.wire.inspection_pb2 import SetLogLevelRequest

__all__ = ["check_log_level", "set_log_level"]

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_LOGGER = re.compile(r"[A-Za-z0-9_<>\-]+(\.[A-Za-z0-9_<>\-]+)*")
_MAX_NAME = 200


def check_log_level(request: SetLogLevelRequest) -> None:
    """Look whether a request can be carried out.

    :raises MillstreamError: there can be no such logger, or there is no such level.
    """
    name, level = request.logger, request.level
    if name and (len(name) > _MAX_NAME or not _LOGGER.fullmatch(name)):
        raise MillstreamError(
            f"There is no logger {name[:_MAX_NAME]!r}: give a dotted name such as millstream.taskmanager, or none for "
            f"the root logger."
        )
    if level and level not in _LEVELS:
        raise MillstreamError(f"There is no log level {level[:_MAX_NAME]!r}: give one of {', '.join(_LEVELS)}.")
    if not level and not name:
        raise MillstreamError(f"The root logger has no parent to take its level from: give {', '.join(_LEVELS)}.")


def set_log_level(request: SetLogLevelRequest) -> None:
    """Let a logger of this process log from a level on.

    :raises MillstreamError: see :func:`check_log_level`.
    """
    check_log_level(request)
    logging.getLogger(request.logger or None).setLevel(request.level or logging.NOTSET)
