"""Reads ``logging.yaml``, the file beside ``config.yaml`` that says what is logged and where to.

It has the form that ``logging.config.dictConfig`` takes. Texts in it may name what the process knows, ``${log.file}``
for one, and variables of the environment, ``${env:NAME:-otherwise}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from millstream.common.errors import ConfigurationError

__all__ = ["FILE_NAME", "read_logging_file"]

FILE_NAME: Final = "logging.yaml"

_SECTIONS: Final = (
    "version",
    "formatters",
    "filters",
    "handlers",
    "loggers",
    "root",
    "disable_existing_loggers",
)
_PLACEHOLDER: Final = re.compile(r"\$\{(env:)?([^}:]*)(?::-([^}]*))?\}")


def read_logging_file(path: Path, known: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the file's content with its placeholders filled in, for ``dictConfig``.

    :param known: the values of placeholders by name.
    :raises ConfigurationError: it cannot be read, is no YAML, has an unknown section or placeholder.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise ConfigurationError(f"{path}{line}: this is not YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: this is not YAML: {error}.") from error
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{path}: expected the sections {', '.join(_SECTIONS)}; take the file away for defaults."
        )
    for section in content:
        if section not in _SECTIONS:
            raise ConfigurationError(f"{path}: there is no section {section!r}; there are {', '.join(_SECTIONS)}.")
    # What `logging` takes for their defaults: no version is an error, and all loggers that are there fall silent.
    content.setdefault("version", 1)
    content.setdefault("disable_existing_loggers", False)
    filled: dict[str, Any] = _filled(content, path, known, environment)
    return filled


def _filled(value: Any, path: Path, known: Mapping[str, str], environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, path, known, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, path, known, environment) for item in value]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        of_environment, name, otherwise = match.groups()
        found = environment.get(name) if of_environment else known.get(name)
        if found is None:
            found = otherwise
        if found is None and of_environment:
            raise ConfigurationError(
                f"{path}: the environment has no variable {name}; set it, or write ${{env:{name}:-otherwise}}."
            )
        if found is None:
            raise ConfigurationError(
                f"{path}: there is nothing called ${{{name}}}; there are "
                + ", ".join(f"${{{each}}}" for each in known)
                + " and ${env:NAME}."
            )
        return found

    text = _PLACEHOLDER.sub(replacement, value)
    # A number of files, or a level that is a number: dictConfig takes texts for texts.
    return int(text) if _PLACEHOLDER.fullmatch(value) and text.isdecimal() else text
