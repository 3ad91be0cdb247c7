"""Reads ``config.yaml`` and the dynamic properties of a command line into a configuration.

The file may nest its keys (``rest: {port: 8081}``) or write them flat (``rest.port: 8081``), or mix both. Nothing is
let pass unread: an unknown key, a bad value and a key that stands twice are errors that name the file and the line.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from millstream.common.config.collection_kind import MAP, STRING_LIST, MapKind
from millstream.common.config.configuration import Configuration
from millstream.common.config.option import Effect
from millstream.common.config.registry import current_setting, find_option, is_prefix_of_known_key, nearest_key
from millstream.common.config.secret import shown
from millstream.common.errors import ConfigurationError

__all__ = ["CONF_DIR_VARIABLE", "FILE_NAME", "load_configuration", "parse_dynamic_properties"]

_log = logging.getLogger(__name__)

CONF_DIR_VARIABLE = "MILLSTREAM_CONF_DIR"
FILE_NAME = "config.yaml"


@dataclass(frozen=True, slots=True)
class _Setting:
    """A key and its text as found at a place, such as ``conf/config.yaml, line 3``."""

    key: str
    text: str
    place: str


def load_configuration(conf_dir: Path | None = None, dynamic: Mapping[str, str] | None = None) -> Configuration:
    """Reads the settings of this process.

    :param conf_dir: the directory of ``config.yaml``. Without it: the environment's ``MILLSTREAM_CONF_DIR``, which
        must hold the file too; else ``./conf`` where that holds one; else there is no file.
    :param dynamic: settings that win over the file's, as from ``-Dkey=value``.
    :raises ConfigurationError: for an unknown key, a bad value, a key that stands twice, or a file that cannot be read.
    """
    path = _config_file(conf_dir)
    configuration = _configuration_of(_read_file(path) if path is not None else [])
    properties = [_Setting(key, value, f"-D{key}={shown(key, value)}") for key, value in (dynamic or {}).items()]
    return configuration.add_all(_configuration_of(properties))


def parse_dynamic_properties(properties: Iterable[str]) -> dict[str, str]:
    """Reads ``key=value`` texts, as they stand behind ``-D``; a key alone means ``true``. The last of equal keys wins.

    :raises ConfigurationError: where a key is missing.
    """
    parsed: dict[str, str] = {}
    for text in properties:
        key, equals, value = text.partition("=")
        if not key.strip():
            raise ConfigurationError(f"-D{text}: the key is missing; write -Dkey=value.")
        parsed[key.strip()] = value.strip() if equals else "true"
    return parsed


def _config_file(conf_dir: Path | None) -> Path | None:
    chosen_by = "the configuration directory"
    if conf_dir is None:
        named = os.environ.get(CONF_DIR_VARIABLE)
        if not named:
            path = Path("conf") / FILE_NAME
            return path if path.is_file() else None
        conf_dir = Path(named)
        chosen_by = f"the environment's {CONF_DIR_VARIABLE}"
    path = conf_dir / FILE_NAME
    if not path.is_file():
        raise ConfigurationError(f"{path} does not exist, but {chosen_by} is {conf_dir}; create the file there.")
    return path


def _read_file(path: Path) -> list[_Setting]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error
    try:
        # The nodes rather than the values: they know their lines, and a port range stays the text that was written.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise ConfigurationError(f"{path}{line}: this is not YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: this is not YAML: {error}.") from error
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(f"{_place(path, root)}: expected 'key: value' lines.")
    return _flattened(path, root, "")


def _place(path: Path, node: yaml.Node) -> str:
    return f"{path}, line {node.start_mark.line + 1}"


def _flattened(path: Path, mapping: yaml.MappingNode, prefix: str) -> list[_Setting]:
    settings: list[_Setting] = []
    for key_node, value_node in mapping.value:
        place = _place(path, key_node)
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigurationError(f"{place}: a key must be text.")
        key = prefix + key_node.value
        option = find_option(key)
        is_map = option is not None and isinstance(option.kind, MapKind)
        if isinstance(value_node, yaml.MappingNode) and not is_map:
            settings.extend(_flattened(path, value_node, key + "."))
        elif _is_null(value_node):
            # A section whose lines are all commented out is no mistake; a key without its value is one.
            if not is_prefix_of_known_key(key) or option is not None:
                _check_known(key, place)
                raise ConfigurationError(f"{place}: {key} has no value; give it one or remove the line.")
        else:
            settings.append(_Setting(key, _text(path, value_node), place))
    return settings


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _text(path: Path, node: yaml.Node) -> str:
    """A value as a dynamic property would write it."""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return STRING_LIST.format([_scalar(path, item) for item in node.value])
    return MAP.format({_scalar(path, name): _scalar(path, value) for name, value in node.value})


def _scalar(path: Path, node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigurationError(f"{_place(path, node)}: expected a plain value here, found a nested one.")
    return str(node.value)


def _configuration_of(settings: list[_Setting]) -> Configuration:
    """Checks settings of equal rank and puts them together."""
    seen: dict[str, _Setting] = {}
    for setting in settings:
        if setting.key in seen:
            first = seen[setting.key].place
            raise ConfigurationError(f"{setting.place}: {setting.key} is set twice, first in {first}; remove one.")
        seen[setting.key] = setting
        _check(setting)
    return Configuration.from_map({setting.key: setting.text for setting in settings})


def _check(setting: _Setting) -> None:
    _check_known(setting.key, setting.place)
    option = find_option(setting.key)
    if option is None:
        raise AssertionError(f"{setting.key} is known but has no option")
    key, text = current_setting(setting.key, setting.text)
    try:
        option.kind.parse(text)
    except ValueError as error:
        value = shown(key, repr(setting.text))
        raise ConfigurationError(
            f"{setting.place}: {setting.key} has the value {value}; expected {option.kind.expected}."
        ) from error
    if option.effect is Effect.RESERVED:
        _log.warning("%s: %s is accepted but has no effect in this version.", setting.place, setting.key)
    elif option.effect is Effect.JVM_ONLY:
        _log.info("%s: %s concerns a JVM and is ignored.", setting.place, setting.key)


def _check_known(key: str, place: str) -> None:
    if find_option(key) is not None:
        return
    near = nearest_key(key)
    mend = f"did you mean {near}?" if near else "docs/configuration.md lists all keys."
    raise ConfigurationError(f"{place}: there is no configuration key {key}; {mend}")
