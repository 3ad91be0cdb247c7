"""What the scripts of ``deploy/bin`` need to know of the configuration, as lines that a shell can evaluate.

``python -m millstream.client.script_environment [-Dkey=value ...]`` prints ``NAME=value`` lines, or an error to
standard error (exit code 1). The scripts thus read the configuration file as everything else does.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

from millstream.common.config import Configuration, EnvOptions, load_configuration
from millstream.common.config.loading import parse_dynamic_properties
from millstream.common.errors import ConfigurationError
from millstream.common.high_availability.mode import uses_zookeeper
from millstream.common.logging.logging_setup import kept_log_files

__all__ = ["main", "script_variables"]


def script_variables(configuration: Configuration) -> dict[str, str]:
    """Return the shell variables by name. A setting that is not there gives the empty text.

    :raises ConfigurationError: a variable of the environment that wins over a setting is wrong.
    """
    return {
        "CONFIGURED_HIGH_AVAILABILITY": "zookeeper" if uses_zookeeper(configuration) else "none",
        "CONFIGURED_LOG_DIR": configuration.get(EnvOptions.LOG_DIR) or "",
        "CONFIGURED_LOG_MAX": str(kept_log_files(configuration, os.environ)),
        "CONFIGURED_PID_DIR": configuration.get(EnvOptions.PID_DIR) or "",
        "CONFIGURED_REDIRECT": str(configuration.get(EnvOptions.STDOUT_ERR_REDIRECT_TO_FILE)).lower(),
        "CONFIGURED_SSH_OPTS": configuration.get(EnvOptions.SSH_OPTS) or "",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the variables; return the exit code."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    properties: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "-D":
            properties.append(next(words, ""))
        elif word.startswith("-D"):
            properties.append(word[2:])
    try:
        variables = script_variables(load_configuration(dynamic=parse_dynamic_properties(properties)))
    except ConfigurationError as error:
        print(f"[ERROR] {error}", file=sys.stderr)
        return 1
    for name, value in variables.items():
        print(f"{name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
