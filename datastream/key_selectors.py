"""Key selectors that need some help: those that return a list or a dict, and those with an ``open``.

Keys are what dictionaries of state are looked up by, so they must have a hash, which lists and dicts have not. PyFlink
takes them, as it looks up bytes. A key selector that visibly returns one, or is said to by the key's type, is wrapped:
functions still see a list or a dict as their key, but one with a hash. Any other key selector costs nothing, and if it
returns a list after all, the record fails and the message says what to write.

Keys are computed on both sides of a connection, by what has no runtime context. A :class:`KeySelector` that overrides
``open`` is opened before its first record.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from itertools import pairwise
from types import CodeType
from typing import Any

from millstream.common.typeinfo import (
    BasicArrayTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PrimitiveArrayTypeInfo,
    RowTypeInfo,
    TypeInformation,
)
from millstream.datastream.functions import Function, KeySelector

__all__ = ["DictKey", "ListKey", "assisted_key_selector"]

_CONTAINER_TYPES = (BasicArrayTypeInfo, ListTypeInfo, MapTypeInfo, ObjectArrayTypeInfo, PrimitiveArrayTypeInfo)
_BUILDS_CONTAINER = frozenset(
    {"BUILD_LIST", "LIST_EXTEND", "BUILD_MAP", "BUILD_CONST_KEY_MAP", "DICT_UPDATE", "DICT_MERGE"}
)


class ListKey(list[Any]):
    """A list as a key. It must not be changed."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # a list has none
        return hash(self.__stable_key__())

    def __stable_key__(self) -> tuple[Any, ...]:
        return tuple(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return ListKey, (list(self),)


class DictKey(dict[Any, Any]):
    """A dict as a key. It must not be changed."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none
        return hash(self.__stable_key__())

    def __stable_key__(self) -> frozenset[Any]:
        return frozenset(self.items())


class _HashableKeys:
    """A callable key selector whose lists and dicts have a hash."""

    __slots__ = ("_selector",)

    def __init__(self, selector: Callable[[Any], Any]) -> None:
        self._selector = selector

    def __call__(self, value: Any) -> Any:
        return _hashable(self._selector(value))


class _RowKeys:
    """A callable key selector whose rows have the field names of the keys' type."""

    __slots__ = ("_convert", "_selector", "_type")

    def __init__(self, selector: Callable[[Any], Any], key_type: RowTypeInfo) -> None:
        self._selector = selector
        self._type = key_type
        self._convert = key_type.conversion()

    def __call__(self, value: Any) -> Any:
        return self._convert(self._selector(value))

    def __reduce__(self) -> tuple[Any, ...]:
        return _RowKeys, (self._selector, self._type)  # the conversion is a closure


class _OpenedKeySelector(KeySelector):
    """Opens a key selector before its first record."""

    def __init__(self, selector: KeySelector) -> None:
        self._selector = selector
        self._is_open = False

    def get_key(self, value: Any) -> Any:
        if not self._is_open:
            self._is_open = True
            self._selector.open(_NoRuntimeContext())  # type: ignore[arg-type]  # it stands for what is not there
        return self._selector.get_key(value)


class _NoRuntimeContext:
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a key selector has no runtime context, so there is no {name}() in its open()")


def assisted_key_selector(selector: Callable[[Any], Any], key_type: TypeInformation | None) -> Callable[[Any], Any]:
    """Return the key selector, wrapped if it is seen to return a list or a dict, or has an ``open``, or
    makes rows of a type that is known.

    :param key_type: what the keys are said to be.
    """
    function: Any = selector
    if isinstance(selector, KeySelector):
        function = selector.get_key
        if type(selector).open is not Function.open:
            selector = _OpenedKeySelector(selector)
    if isinstance(key_type, _CONTAINER_TYPES) or _returns_container(getattr(function, "__code__", None)):
        return _HashableKeys(selector)
    if isinstance(key_type, RowTypeInfo):
        return _RowKeys(selector, key_type)
    return selector


def _returns_container(code: CodeType | None) -> bool:
    if code is None:
        return False
    instructions = list(dis.get_instructions(code))
    return any(
        instruction.opname == "RETURN_VALUE" and before.opname in _BUILDS_CONTAINER
        for before, instruction in pairwise(instructions)
    )


def _hashable(key: Any) -> Any:
    if isinstance(key, list):
        return ListKey(_parts(key))
    if isinstance(key, dict):
        return DictKey(zip(key, _parts(key.values()), strict=True))
    if type(key) is tuple:
        return tuple(_parts(key))
    return key


def _parts(parts: Any) -> Iterator[Any]:
    return map(_hashable, parts)
