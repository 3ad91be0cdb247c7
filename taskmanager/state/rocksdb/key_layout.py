"""Where the values of a key are in a column family: key group, key, namespace, and the key of a map if it is one.

The key group comes first, so that those of a range are neighbours: a subtask that owns only some of them drops, or
copies, ranges. All that belongs to a key and a namespace begins with the same prefix, which no other begins with.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from millstream.common.key_groups import key_group, key_groups
from millstream.taskmanager.state.rocksdb.key_encoding import decode_key, encode_key, encode_numbers
from millstream.taskmanager.state.rocksdb.stored_value import originals_of

__all__ = ["GROUP_SIZE", "KeyLayout", "Place", "group_start", "place_of"]

GROUP_SIZE = 2
"""Bytes of a key group."""
_NO_NAMESPACE = encode_key(None)[0]
_GROUPS = [group.to_bytes(GROUP_SIZE, "big") for group in range(1 << 15)]

Place = tuple[Any, Hashable]
"""A key and a namespace."""


def group_start(group: int) -> bytes:
    """Return what all of a key group begin with, and all after it are greater than."""
    return group.to_bytes(GROUP_SIZE, "big")


class KeyLayout:
    """Makes prefixes."""

    __slots__ = ("_key", "_max_parallelism", "_namespace", "_prefix")

    def __init__(self, max_parallelism: int) -> None:
        self._max_parallelism = max_parallelism
        # A function uses several states of a key one after the other.
        self._key: Any = self
        self._namespace: Hashable = None
        self._prefix = b"", False

    def prefix(self, key: Any, namespace: Hashable) -> tuple[bytes, bool]:
        """Return the prefix, and whether key and namespace can be made from it again.

        :raises UnsupportedKeyTypeError: the key has no stable hash.
        """
        if key is self._key and namespace is self._namespace:
            return self._prefix
        prefix = self.prefix_in(key_group(key, self._max_parallelism), key, namespace)
        self._key, self._namespace, self._prefix = key, namespace, prefix
        return prefix

    @staticmethod
    def prefix_in(group: int, key: Any, namespace: Hashable) -> tuple[bytes, bool]:
        """Return the prefix of a key whose key group is known."""
        data, faithful = encode_key(key)
        if namespace is None:
            return _GROUPS[group] + data + _NO_NAMESPACE, faithful
        of_namespace, other = encode_key(namespace)
        return _GROUPS[group] + data + of_namespace, faithful and other

    def prefixes(self, keys: Sequence[Any]) -> tuple[list[bytes], set[Any]]:
        """Return the prefixes of keys without namespace, in less time than one by one, and which of the keys cannot be
        made from theirs again.

        :raises UnsupportedKeyTypeError: a key has no stable hash.
        """
        groups = key_groups(keys, self._max_parallelism)
        end = _NO_NAMESPACE
        kinds = set(map(type, keys))
        if kinds == {int}:
            numbers = encode_numbers(keys, end)
            if numbers is not None:
                return [_GROUPS[group] + number for group, number in zip(groups, numbers, strict=True)], set()
        prefixes = []
        unlike = set()
        for key, group, (data, faithful) in zip(keys, groups, map(encode_key, keys), strict=True):
            prefixes.append(_GROUPS[group] + data + end)
            if not faithful:
                unlike.add(key)
        return prefixes, unlike


def place_of(data: bytes, value: bytes) -> tuple[Any, Hashable, int]:
    """Return key and namespace of an entry, and where in its key the prefix ends."""
    key, start = decode_key(data, GROUP_SIZE)
    namespace, end = decode_key(data, start)
    originals = originals_of(value)
    if originals is not None:
        key, namespace = originals[:2]
    return key, namespace, end
