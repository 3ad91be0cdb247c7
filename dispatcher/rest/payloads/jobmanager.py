"""The master's process, as answers."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence

from millstream.common.config import Configuration
from millstream.common.config.secret import shown
from millstream.dispatcher.rest.messages.jobmanager import ConfigurationEntry, EnvironmentInfo, RuntimeInfo

__all__ = ["configuration_entries", "environment"]


def configuration_entries(configuration: Configuration) -> list[ConfigurationEntry]:
    """What is set, by key; the values of secrets are masked."""
    return [
        ConfigurationEntry(key=key, value=shown(key, value)) for key, value in sorted(configuration.to_map().items())
    ]


def environment(command_line: Sequence[str]) -> EnvironmentInfo:
    """What runs this process.

    :param command_line: of the process, the program itself left out.
    """
    version = f"{platform.python_implementation()} {platform.python_version()} ({platform.python_compiler()})"
    return EnvironmentInfo(
        jvm=RuntimeInfo(
            version=version, arch=platform.machine(), options=[_masked(argument) for argument in command_line]
        ),
        classpath=[path for path in sys.path if path],
    )


def _masked(argument: str) -> str:
    key, equals, value = argument.partition("=")
    return f"{key}={shown(key, value)}" if equals else argument
