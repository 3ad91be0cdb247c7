"""How a process logs: read once from its configuration, applied there and in the slot workers that it starts.

A master and a TaskManager read ``logging.yaml`` of their configuration directory, or take the defaults where there is
none, and apply it to their process. What a TaskManager has read travels to its slot workers, so that these log in the
same way whatever becomes of the file meanwhile. Where to is told by the environment variable ``MILLSTREAM_LOG_FILE``,
which the scripts set; without it, to standard error.

A program that runs a cluster inside itself does none of this: its logging is its own.
"""

from __future__ import annotations

import json
import logging
import logging.config
import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from millstream.common.config import Configuration, EnvOptions
from millstream.common.config.loading import CONF_DIR_VARIABLE
from millstream.common.config.loading import FILE_NAME as CONFIGURATION_FILE
from millstream.common.config.option import ConfigOption
from millstream.common.errors import ConfigurationError
from millstream.common.logging.logging_file import FILE_NAME, read_logging_file
from millstream.common.logging.task_fields import TaskFields

__all__ = ["LOG_FILE_VARIABLE", "LoggingSetup", "active_setup", "kept_log_files"]

LOG_FILE_VARIABLE: Final = "MILLSTREAM_LOG_FILE"
"""Path of the file that a process logs to. Taken out of the environment, as it is not meant for what users start."""
_MAX_VARIABLE: Final = "MAX_LOG_FILE_NUMBER"
_LEVEL_VARIABLE: Final = "ROOT_LOG_LEVEL"

_TEXT_FORMAT: Final = "%(asctime)s,%(msecs)03d %(levelname)-7s %(name)s%(origin)s - %(message)s"
_DATE_FORMAT: Final = "%Y-%m-%d %H:%M:%S"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoggingSetup:
    """What is to be applied.

    :ivar file: that the process logs to, for whoever shows it; empty: it logs to standard error.
    :ivar tree: for ``logging.config.dictConfig``.
    :ivar source: for messages: the file that it comes from, or that these are the defaults.
    """

    file: str
    tree: dict[str, Any]
    source: str

    @classmethod
    def read(cls, configuration: Configuration, environment: MutableMapping[str, str]) -> LoggingSetup:
        """Return what this process is told.

        :param environment: of the process; the log's path is taken out of it.
        :raises ConfigurationError: ``logging.yaml`` or a variable is wrong.
        """
        file = environment.pop(LOG_FILE_VARIABLE, "")
        known = {
            "log.file": file,
            "log.level": _told(configuration, environment, _LEVEL_VARIABLE, EnvOptions.LOG_LEVEL),
            "log.max": str(kept_log_files(configuration, environment)),
            "log.format": configuration.get(EnvOptions.LOG_FORMAT),
        }
        path = _logging_file(environment)
        if path is None:
            return cls(file, _default_tree(known), "the default set-up")
        return cls(file, read_logging_file(path, known, environment), str(path))

    @classmethod
    def to_console(cls, level: int) -> LoggingSetup:
        """Return the defaults for a worker of a process that was not set up by this: to standard error.

        :param level: of the root logger.
        """
        known = {"log.file": "", "log.level": str(level), "log.max": "0", "log.format": "text"}
        return cls("", _default_tree(known), "the default set-up")

    def to_text(self) -> str:
        """Return this for the command line of another process.

        :raises ConfigurationError: the file has a value that is neither text, number, list nor mapping.
        """
        try:
            return json.dumps([self.file, self.tree, self.source])
        except TypeError as error:
            raise ConfigurationError(f"{self.source}: {error}; write it as text, in quotes.") from error

    @classmethod
    def from_text(cls, text: str) -> LoggingSetup:
        """Return what :meth:`to_text` gave."""
        file, tree, source = json.loads(text)
        return cls(file, tree, source)

    def apply(self, *, in_worker: bool = False) -> None:
        """Set this process's logging up. What was set up before is replaced.

        :param in_worker: other processes write into the same file; records tell which one they are of.
        :raises ConfigurationError: it cannot be done.
        """
        global _active  # noqa: PLW0603  # logging is the process's own, too
        try:
            logging.config.dictConfig(self.tree)
        except (ValueError, TypeError, AttributeError, ImportError, OSError) as error:
            raise ConfigurationError(
                f"{self.source}: {_chain(error)}. docs/logging.md shows the form; without the file defaults hold."
            ) from error
        fields = TaskFields(with_process=in_worker)
        for handler in _handlers():
            handler.addFilter(fields)
        _active = self


_active: LoggingSetup | None = None


def active_setup() -> LoggingSetup | None:
    """Return what was applied to this process; ``None``: its logging belongs to the user's program."""
    return _active


def kept_log_files(configuration: Configuration, environment: MutableMapping[str, str]) -> int:
    """Return how many rotated files are kept.

    :raises ConfigurationError: the environment names no number.
    """
    return _told(configuration, environment, _MAX_VARIABLE, EnvOptions.LOG_MAX)


def _told(
    configuration: Configuration, environment: MutableMapping[str, str], variable: str, option: ConfigOption[T]
) -> T:
    """Return the option's value; where the variable is set it wins, and is written as the option is."""
    text = environment.get(variable)
    if not text:
        return configuration.get(option)
    try:
        return Configuration.from_map({option.key: text}).get(option)
    except ConfigurationError as error:
        raise ConfigurationError(f"The environment's {variable}: {error}") from error


def _logging_file(environment: MutableMapping[str, str]) -> Path | None:
    named = environment.get(CONF_DIR_VARIABLE)
    directory = Path(named or "conf")
    if not named and not (directory / CONFIGURATION_FILE).is_file():
        return None  # some program's own directory of that name
    path = directory / FILE_NAME
    return Path(os.path.abspath(path)) if path.exists() else None


def _default_tree(known: dict[str, str]) -> dict[str, Any]:
    level = known["log.level"]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": _TEXT_FORMAT, "datefmt": _DATE_FORMAT},
            "json": {"()": "millstream.common.logging.JsonFormatter"},
        },
        "handlers": {
            "log": {
                "class": "millstream.common.logging.LogHandler",
                "filename": known["log.file"],
                "max_files": int(known["log.max"]),
                "formatter": known["log.format"],
            }
        },
        "root": {"level": int(level) if level.isdecimal() else level, "handlers": ["log"]},
    }


def _handlers() -> set[logging.Handler]:
    loggers: list[object] = [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]
    return {handler for logger in loggers if isinstance(logger, logging.Logger) for handler in logger.handlers}


def _chain(error: BaseException) -> str:
    texts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        text = str(cause).rstrip(".") or type(cause).__name__
        if text not in texts:
            texts.append(text)
        cause = cause.__cause__
    return ": ".join(texts)
