"""Which loggers log what, and how that is changed while the process runs."""

from __future__ import annotations

import logging
import re
from typing import Final

from millstream.common.errors import MillstreamError

__all__ = ["LEVELS", "LOGGER_NAME", "LONGEST_LOGGER_NAME", "check_level", "effective_level", "levels_set", "set_level"]

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

LOGGER_NAME: Final = r"[A-Za-z0-9_<>\-]+(\.[A-Za-z0-9_<>\-]+)*"
"""Pattern of names that loggers may be asked for by."""
LONGEST_LOGGER_NAME: Final = 200


def check_level(logger: str, level: str) -> None:
    """Look whether a logger can be given a level; see :func:`set_level`.

    :raises MillstreamError: there can be no such logger, or there is no such level.
    """
    if logger and (len(logger) > LONGEST_LOGGER_NAME or not re.fullmatch(LOGGER_NAME, logger)):
        raise MillstreamError(
            f"There is no logger {logger[:LONGEST_LOGGER_NAME]!r}: give a dotted name such as "
            "millstream.taskmanager, or none for the root logger."
        )
    if level and level not in LEVELS:
        raise MillstreamError(
            f"There is no log level {level[:LONGEST_LOGGER_NAME]!r}: give one of {', '.join(LEVELS)}."
        )
    if not level and not logger:
        raise MillstreamError(f"The root logger has no parent to take its level from: give one of {', '.join(LEVELS)}.")


def set_level(logger: str, level: str) -> None:
    """Let a logger of this process, and those below it that have no level of their own, log from a level on.

    :param logger: a dotted name; empty: the root.
    :param level: one of :data:`LEVELS`; empty: what the logger above it has.
    :raises MillstreamError: there can be no such logger, or there is no such level.
    """
    check_level(logger, level)
    logging.getLogger(logger or None).setLevel(level or logging.NOTSET)


def effective_level(logger: str) -> str:
    """Return from which level on a logger logs, be it its own or that of one above it."""
    return logging.getLevelName(logging.getLogger(logger or None).getEffectiveLevel())


def levels_set() -> dict[str, str]:
    """Return the loggers that have a level of their own, by name, the root under the empty one."""
    found = {"": effective_level("")}
    for name, logger in sorted(logging.getLogger().manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and logger.level != logging.NOTSET:
            found[name] = logging.getLevelName(logger.level)
    return found
