"""Records of one key to one subtask, by key group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

from millstream.common.key_groups import operator_index
from millstream.common.records import RecordBatch
from millstream.common.stable_hash import UnsupportedKeyTypeError, stable_hash
from millstream.taskmanager.network.partitioners.partitioner import FEW, split
from millstream.taskmanager.network.partitioners.user_call import map_records
from millstream.taskmanager.operators.generated import GeneratedFunction, Line
from millstream.taskmanager.operators.inlining import inline_expression

__all__ = ["HashPartitioner"]

_MOST_CACHED_KEYS: Final = 100_000


class _KeyAssignment(dict[Any, int]):
    """Subpartition of each key met of late. Keys that are equal share an entry, and have the same hash."""

    __slots__ = ("_max_parallelism", "_parallelism", "_subpartition_of")

    def __init__(self, max_parallelism: int, parallelism: int, subpartition_of: dict[int, int]) -> None:
        super().__init__()
        self._max_parallelism = max_parallelism
        self._parallelism = parallelism
        self._subpartition_of = subpartition_of

    def __missing__(self, key: Any) -> int:
        if len(self) >= _MOST_CACHED_KEYS:
            self.clear()
        group = stable_hash(key) % self._max_parallelism
        subtask = operator_index(group, self._max_parallelism, self._parallelism)
        index = self[key] = self._subpartition_of[subtask]
        return index


class HashPartitioner:
    """Partitions by the key group of each record's key."""

    __slots__ = ("_assign", "_assign_all", "_assignment", "_collect", "_keyed", "_select", "_subpartitions")

    def __init__(
        self,
        key_selector: Callable[[Any], Any],
        max_parallelism: int,
        parallelism: int,
        consumer_subtasks: Sequence[int],
        local: Collection[int] = (),
        inline: bool = False,
    ) -> None:
        """
        :param parallelism: subtasks of the consumer.
        :param consumer_subtasks: which of them reads each subpartition.
        :param local: subpartitions that are read in this slot: their batches carry the keys, unless there are so many
            subpartitions that the consumer computes keys faster than they can be picked out.
        :param inline: a key selector that is a simple expression may stand in the loop instead of being called; its
            consumer then does likewise, and needs no keys from here.
        """
        self._select = key_selector
        self._subpartitions = len(consumer_subtasks)
        subpartition_of = {subtask: index for index, subtask in enumerate(consumer_subtasks)}
        self._assignment = _KeyAssignment(max_parallelism, parallelism, subpartition_of)
        self._assign = self._assignment.__getitem__
        self._keyed = frozenset(local)
        # The form that split wants.
        self._collect: Callable[[Iterable[int]], Sequence[int]] = bytes if self._subpartitions <= FEW else list
        self._assign_all = _inlined_assignment(key_selector, self._assignment) if inline else None

    def partition(self, batch: RecordBatch) -> list[tuple[int, RecordBatch]]:
        values = batch.values
        if self._subpartitions == 1:
            if not values:
                return []
            # Nothing to decide; but a key that could not be partitioned should not first fail on a larger cluster.
            self._indexes(map_records("get_key", self._select, values[:1]))
            batch.keys = None
            return [(0, batch)]
        if self._assign_all is not None:
            try:
                assigned = self._collect(self._assign_all(values))
            except Exception:  # noqa: BLE001  # calling the selector below finds the record, and raises what is to be raised
                self._assign_all = None
            else:
                batch.keys = None
                return split(batch, assigned, self._subpartitions)
        keys = map_records("get_key", self._select, values)
        indexes = self._indexes(keys)
        return split(batch, indexes, self._subpartitions, keys, self._keyed)

    def _indexes(self, keys: list[Any]) -> Sequence[int]:
        try:
            return self._collect(map(self._assign, keys))
        except TypeError as error:
            for index, key in enumerate(keys):
                try:
                    hash(key)
                    stable_hash(key)
                except UnsupportedKeyTypeError as unsupported:
                    unsupported.record_index = index
                    raise
                except TypeError:
                    refused = UnsupportedKeyTypeError(_unhashable_part(key))
                    refused.record_index = index
                    raise refused from error
            raise


def _inlined_assignment(
    key_selector: Callable[[Any], Any], assignment: _KeyAssignment
) -> Callable[[list[Any]], list[int]] | None:
    """Return a function that gives the subpartitions of records, ``None`` if the key selector is not that simple."""
    expression = inline_expression(key_selector, 1)
    if expression is None:
        return None
    lines = [
        Line("def generated(values, assignment=assignment):"),
        Line(f"    return [assignment[{expression.render('value')}] for value in values]"),
    ]
    return GeneratedFunction("key_by", lines, {"assignment": assignment, **expression.constants}).call


def _unhashable_part(key: Any) -> Any:
    """Return what in a key is not hashable: the list in ``("a", [1])``."""
    if isinstance(key, tuple):
        for part in key:
            try:
                hash(part)
            except TypeError:
                return _unhashable_part(part)
    return key
