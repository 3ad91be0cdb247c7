"""Log files, log levels and threads of a process."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from millstream.common.logging.levels import LOGGER_NAME, LONGEST_LOGGER_NAME
from millstream.dispatcher.rest.messages.base import CamelMessage, Message

__all__ = ["LogInfo", "LogLevel", "LogLevels", "LogListInfo", "LoggerInfo", "ThreadDumpInfo", "ThreadInfo"]


class LogInfo(Message):
    """A log file.

    :ivar size: bytes.
    :ivar mtime: when it was last written to, ms since the epoch.
    """

    name: str
    size: int
    mtime: int


class LogListInfo(Message):
    """The log files of a process."""

    logs: list[LogInfo]


class ThreadInfo(CamelMessage):
    """What a thread is doing: its name, its state and its stack, several lines."""

    thread_name: str
    stringified_thread_info: str


class ThreadDumpInfo(CamelMessage):
    """All threads of a process."""

    thread_infos: list[ThreadInfo]


class LogLevel(Message):
    """From which level on a logger logs.

    :ivar logger: its dotted name; empty: the root.
    :ivar level: DEBUG, INFO, WARNING, ERROR, CRITICAL; empty: that of the logger above it.
    """

    model_config = ConfigDict(extra="forbid")

    logger: str = Field(default="", max_length=LONGEST_LOGGER_NAME, pattern=f"^({LOGGER_NAME})?$")
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", ""]


class LoggerInfo(Message):
    """A logger and its level."""

    logger: str
    level: str


class LogLevels(Message):
    """The loggers that have a level of their own."""

    levels: list[LoggerInfo]
