"""Options that a program declares itself, in the steps that PyFlink has for it.

``ConfigOptions.key("tmp.dir").string_type().default_value("/tmp")``
"""

from __future__ import annotations

from typing import Generic, TypeVar

from millstream.common.config import ConfigOption
from millstream.common.config.option import option, optional
from millstream.common.config.value_kind import BOOLEAN, FLOAT, INTEGER, STRING, ValueKind

__all__ = ["ConfigOption", "ConfigOptions"]

T = TypeVar("T")


class _TypedConfigOptionBuilder(Generic[T]):
    """An option with a type; its default is still to be said."""

    def __init__(self, key: str, kind: ValueKind[T]) -> None:
        self._key = key
        self._kind = kind

    def default_value(self, value: T) -> ConfigOption[T]:
        """The option, with this value where none is set."""
        return option(self._key, self._kind, value, "")

    def no_default_value(self) -> ConfigOption[T | None]:
        """The option, ``None`` where nothing is set."""
        return optional(self._key, self._kind, "")


class _OptionBuilder:
    """An option with a key; its type is still to be said."""

    def __init__(self, key: str) -> None:
        self._key = key

    def boolean_type(self) -> _TypedConfigOptionBuilder[bool]:
        return _TypedConfigOptionBuilder(self._key, BOOLEAN)

    def int_type(self) -> _TypedConfigOptionBuilder[int]:
        return _TypedConfigOptionBuilder(self._key, INTEGER)

    def long_type(self) -> _TypedConfigOptionBuilder[int]:
        return _TypedConfigOptionBuilder(self._key, INTEGER)

    def float_type(self) -> _TypedConfigOptionBuilder[float]:
        return _TypedConfigOptionBuilder(self._key, FLOAT)

    def double_type(self) -> _TypedConfigOptionBuilder[float]:
        return _TypedConfigOptionBuilder(self._key, FLOAT)

    def string_type(self) -> _TypedConfigOptionBuilder[str]:
        return _TypedConfigOptionBuilder(self._key, STRING)


class ConfigOptions:
    """Where the declaration of an option begins."""

    OptionBuilder = _OptionBuilder
    TypedConfigOptionBuilder = _TypedConfigOptionBuilder

    @staticmethod
    def key(key: str) -> _OptionBuilder:
        """Name the option."""
        return _OptionBuilder(key)
