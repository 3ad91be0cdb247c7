"""The settings of a process or a job: a map of keys to text, read with types.

A value is kept as the text in which it was given. :meth:`Configuration.get` reads it as its option says; PyFlink's
``get_string``, ``set_integer`` and so on work by key. A key's former name is stored under its current one, so whoever
reads need not know it, and of two settings the later wins whatever names they use.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any, TypeVar

import yaml

from millstream.common.config.collection_kind import STRING_LIST
from millstream.common.config.option import ConfigOption
from millstream.common.config.registry import current_setting
from millstream.common.config.secret import shown
from millstream.common.config.value_kind import BOOLEAN, FLOAT, INTEGER, ValueKind
from millstream.common.errors import ConfigurationError

__all__ = ["Configuration"]

T = TypeVar("T")


class Configuration:
    """A mutable set of settings.

    :param other: settings to start from; they are copied.
    """

    __slots__ = ("_settings",)

    def __init__(self, other: Configuration | None = None) -> None:
        self._settings: dict[str, str] = dict(other._settings) if other is not None else {}

    @staticmethod
    def from_map(settings: Mapping[str, str]) -> Configuration:
        """A configuration with these settings; of a current and a former name of one option the current wins."""
        configuration = Configuration()
        current: dict[str, str] = {}
        for key, value in settings.items():
            name, text = current_setting(key, value)
            if name == key:
                current[key] = value
            else:
                configuration._settings[name] = text
        configuration._settings.update(current)
        return configuration

    def to_map(self) -> dict[str, str]:
        """All settings as text, secrets included."""
        return dict(self._settings)

    def get(self, option: ConfigOption[T]) -> T:
        """The value of an option, or its default.

        :raises ConfigurationError: where the text that is set is no value of this option.
        """
        text = self._settings.get(option.key)
        if text is None:
            return option.default
        value: T = _parsed(option.key, text, option.kind)
        return value

    def set(self, option: ConfigOption[T], value: T) -> Configuration:
        """Sets an option; ``None`` removes it.

        :raises ConfigurationError: where the value is none of this option's.
        """
        if value is None:
            self._settings.pop(option.key, None)
            return self
        try:
            self._settings[option.key] = option.kind.format(value)
        except ValueError as error:
            raise _bad_value(option.key, repr(value), option.kind) from error
        return self

    def contains(self, option: ConfigOption[Any]) -> bool:
        """Whether the option is set, be it to its default."""
        return option.key in self._settings

    def add_all(self, other: Configuration, prefix: str | None = None) -> Configuration:
        """Takes over all settings of another configuration, which win over those here.

        :param prefix: put before each of the other's keys.
        """
        for key, value in other._settings.items():
            self.set_string((prefix or "") + key, value)
        return self

    def copy(self) -> Configuration:
        """Another configuration with the same settings."""
        return Configuration(self)

    # PyFlink's methods by key.

    def get_string(self, key: str, default_value: str) -> str:
        return self._settings.get(current_setting(key)[0], default_value)

    def set_string(self, key: str, value: str) -> Configuration:
        if not isinstance(value, str):
            raise ConfigurationError(f"{key}: expected text, got {shown(key, repr(value))}.")
        name, text = current_setting(key, value)
        self._settings[name] = text
        return self

    def get_integer(self, key: str, default_value: int) -> int:
        return self._get(key, INTEGER, default_value)

    def set_integer(self, key: str, value: int) -> Configuration:
        return self._set(key, INTEGER, value)

    def get_boolean(self, key: str, default_value: bool) -> bool:
        return self._get(key, BOOLEAN, default_value)

    def set_boolean(self, key: str, value: bool) -> Configuration:
        return self._set(key, BOOLEAN, value)

    def get_float(self, key: str, default_value: float) -> float:
        return self._get(key, FLOAT, default_value)

    def set_float(self, key: str, value: float) -> Configuration:
        return self._set(key, FLOAT, value)

    def get_bytearray(self, key: str, default_value: bytearray) -> bytearray:
        text = self._settings.get(current_setting(key)[0])
        if text is None:
            return default_value
        try:
            return bytearray.fromhex(text)
        except ValueError as error:
            raise ConfigurationError(f"{key}: {shown(key, repr(text))} is not a sequence of bytes in hex.") from error

    def set_bytearray(self, key: str, value: bytearray) -> Configuration:
        return self.set_string(key, value.hex())

    def contains_key(self, key: str) -> bool:
        return current_setting(key)[0] in self._settings

    def key_set(self) -> builtins.set[str]:
        return builtins.set(self._settings)

    def remove_config(self, key: str) -> bool:
        """Removes a setting; says whether there was one."""
        return self._settings.pop(current_setting(key)[0], None) is not None

    def to_dict(self) -> dict[str, str]:
        return self.to_map()

    def add_all_to_dict(self, target_dict: dict[str, str]) -> None:
        target_dict.update(self._settings)

    @staticmethod
    def parse_list_value(value: str | None, standard_yaml: bool = True) -> list[str]:  # noqa: ARG004  # PyFlink's signature
        """The items of a list as a configuration file holds it: ``a;b``, ``[a, b]`` or lines that begin with a dash.

        :param standard_yaml: there in PyFlink 1.20; both ways of writing lists are understood anyhow.
        """
        if not value:
            return []
        if value.lstrip().startswith(("[", "- ")):
            items = yaml.safe_load(value)
            return [str(item) for item in items]
        return list(STRING_LIST.parse(value))

    @staticmethod
    def parse_jars_value(value: str, jvm: Any = None) -> list[str]:  # noqa: ARG004  # PyFlink's signature
        """The same for ``pipeline.jars``; there is no JVM here that loads them."""
        return Configuration.parse_list_value(value)

    def _get(self, key: str, kind: ValueKind[T], default_value: T) -> T:
        text = self._settings.get(current_setting(key)[0])
        return default_value if text is None else _parsed(key, text, kind)

    def _set(self, key: str, kind: ValueKind[T], value: T) -> Configuration:
        try:
            return self.set_string(key, kind.format(value))
        except ValueError as error:
            raise _bad_value(key, repr(value), kind) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configuration) and self._settings == other._settings

    def __hash__(self) -> int:
        """Of the settings as they are now, as in PyFlink: what is a key somewhere must not be changed."""
        return hash(frozenset(self._settings.items()))

    def __str__(self) -> str:
        return "{" + ", ".join(f"{key}={shown(key, self._settings[key])}" for key in sorted(self._settings)) + "}"

    def __repr__(self) -> str:
        return f"Configuration({self})"


def _parsed(key: str, text: str, kind: ValueKind[T]) -> T:
    try:
        return kind.parse(text)
    except ValueError as error:
        raise _bad_value(key, repr(text), kind) from error


def _bad_value(key: str, value: str, kind: ValueKind[Any]) -> ConfigurationError:
    return ConfigurationError(f"{key}: {shown(key, value)} is not a possible value; expected {kind.expected}.")
