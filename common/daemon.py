"""How the processes of a cluster begin, and what they say when they cannot.

All of them take ``-Dkey=value``, read the configuration (``MILLSTREAM_CONF_DIR``) and log as it says; the one line that
tells why a process does not start is on stderr, for the script that has started it, and in the log.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from millstream.common.config import Configuration, load_configuration, parse_dynamic_properties
from millstream.common.config.secret import shown
from millstream.common.logging import LoggingSetup, active_setup

__all__ = ["begin", "end_in_failure", "failure_message"]


def begin(module: str, description: str, arguments: Sequence[str] | None) -> Configuration:
    """Return the process's configuration; from here on it logs.

    :param module: that ``python -m`` runs.
    :param arguments: those of this process if not given. Wrong ones end it.
    :raises ConfigurationError: a setting, or ``logging.yaml``, is wrong.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument(
        "-D", metavar="key=value", dest="properties", action="append", default=[], help="set a configuration key"
    )
    properties: list[str] = parser.parse_args(arguments).properties
    configuration = load_configuration(dynamic=parse_dynamic_properties(properties))
    LoggingSetup.read(configuration, os.environ).apply()
    logger = logging.getLogger(module)
    for key, value in sorted(configuration.to_map().items()):
        logger.info("Configuration: %s = %s", key, shown(key, value))
    return configuration


def failure_message(error: Exception) -> str:
    """What an error says, without the number that the system gives it."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def end_in_failure(module: str, reason: str) -> int:
    """Say why the process ends, and return its exit status."""
    setup = active_setup()
    if setup is not None and setup.file:  # else the log is stderr too
        logging.getLogger(module).critical("%s", reason)
    print(reason, file=sys.stderr)  # noqa: T201  # the one line a script shows
    return 1
