"""Key groups: the atoms in which keyed state is spread over subtasks.

A key belongs to one of ``max_parallelism`` key groups for ever; a subtask owns a contiguous range of them. Rescaling
moves whole key groups, so state is written and read by key group and no key is ever hashed anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from millstream.common.stable_hash import stable_hash, stable_hashes

__all__ = ["KeyGroupRange", "key_group", "key_groups", "operator_index"]


def key_group(key: Any, max_parallelism: int) -> int:
    """Return the key group of a key: 0 to ``max_parallelism - 1``.

    :raises UnsupportedKeyTypeError: the key has no stable hash.
    """
    return stable_hash(key) % max_parallelism


def key_groups(keys: Sequence[Any], max_parallelism: int) -> list[int]:
    """Return :func:`key_group` of each key, in less time than one by one.

    :raises UnsupportedKeyTypeError: one of the keys has no stable hash.
    """
    return [each % max_parallelism for each in stable_hashes(keys)]


def operator_index(key_group: int, max_parallelism: int, parallelism: int) -> int:
    """Return the index of the subtask that owns a key group when the operator runs with ``parallelism`` subtasks."""
    return key_group * parallelism // max_parallelism


@dataclass(frozen=True, slots=True)
class KeyGroupRange:
    """Key groups ``start`` to ``end``, both included; empty if ``end < start``."""

    start: int
    end: int

    @classmethod
    def of_subtask(cls, max_parallelism: int, parallelism: int, subtask_index: int) -> KeyGroupRange:
        """Return the range that one subtask owns.

        :raises ValueError: the parallelism is above the max parallelism, or there is no such subtask.
        """
        if not 0 < parallelism <= max_parallelism:
            raise ValueError(f"parallelism {parallelism} must be between 1 and the max parallelism {max_parallelism}")
        if not 0 <= subtask_index < parallelism:
            raise ValueError(f"subtask index {subtask_index} must be between 0 and {parallelism - 1}")
        start = (subtask_index * max_parallelism + parallelism - 1) // parallelism
        end = ((subtask_index + 1) * max_parallelism - 1) // parallelism
        return cls(start, end)

    def __contains__(self, group: object) -> bool:
        return isinstance(group, int) and self.start <= group <= self.end

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.end + 1))

    def __len__(self) -> int:
        return max(0, self.end - self.start + 1)

    def intersection(self, other: KeyGroupRange) -> KeyGroupRange:
        """Return the key groups that are in both ranges."""
        return KeyGroupRange(max(self.start, other.start), min(self.end, other.end))
