"""The keyed state of an operator at one moment, on its way into a file.

While an image refers to the backend's own dicts it is only good until the next record (or in a forked process); a held
one has lists of its own.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.key_groups import KeyGroupRange, key_groups
from millstream.common.stable_hash import UnsupportedKeyTypeError
from millstream.common.typeinfo.type_hints import type_of_value
from millstream.taskmanager.state.canonical_format import TIMERS, EntryBlock, EntryBlocks, StateMeta, timers_meta
from millstream.taskmanager.state.canonical_writer import GroupEntries, write_canonical
from millstream.taskmanager.state.heap_table import HeapTable
from millstream.taskmanager.state.held_values import held_values, weight
from millstream.taskmanager.state.stored_segment import StoredSegment
from millstream.taskmanager.state.timer_queue import TimerQueue
from millstream.taskmanager.state.type_form import ANY, TypeForm, form_of

__all__ = ["HeapImage", "ImageTable", "image_of_table", "image_of_timers", "without_collection"]


@dataclass(frozen=True, slots=True)
class ImageTable:
    """One state, or one queue of timers.

    :ivar namespaces: the values by key, for each namespace that has any.
    :ivar pairs: the same as lists, instead, of a held image.
    :ivar queue: the timers, instead.
    :ivar trim: takes the expired parts out of something stored; ``None``: all of it is kept.
    """

    meta: StateMeta
    namespaces: tuple[tuple[Hashable, dict[Any, Any]], ...] = ()
    pairs: tuple[tuple[Hashable, list[Any], list[Any]], ...] = ()
    trim: Callable[[Any], Any] | None = None
    queue: TimerQueue | None = None

    def count(self) -> int:
        """How many entries there are, at least: of timers it is the number of their times."""
        if self.queue is not None:
            return len(self.queue.buckets)
        return sum(len(values) for _, values in self.namespaces) + sum(len(keys) for _, keys, _ in self.pairs)

    def weight(self) -> int:
        """How many things there are to serialise."""
        if self.queue is not None:
            return len(self.queue)
        return sum(weight(values.values()) for _, values in self.namespaces)

    def held(self) -> ImageTable | None:
        """Return what no later change reaches; ``None``: there is no such thing at little cost."""
        if self.queue is not None:
            return ImageTable(self.meta, (), (_timers(self.queue),))
        pairs = list(self.pairs)
        for namespace, by_key in self.namespaces:
            values = held_values(by_key.values())
            if values is None:
                return None
            pairs.append((namespace, list(by_key), values))
        return ImageTable(self.meta, (), tuple(pairs), self.trim)

    def blocks(self, max_parallelism: int) -> Iterator[tuple[int, EntryBlock | EntryBlocks]]:
        """The entries, divided by key group: one block for each."""
        if self.queue is not None:
            runs = [_timers(self.queue)]
        else:
            runs = [(namespace, list(by_key), list(by_key.values())) for namespace, by_key in self.namespaces]
            runs += self.pairs
        if self.trim is not None:
            runs = [(namespace, *_trimmed(keys, values, self.trim)) for namespace, keys, values in runs]
        # Divided at once and not run by run: most runs, say windows, have a few keys of each group, or one key at all.
        if len(runs) == 1:
            ((_, keys, values),) = runs
        else:
            keys = list(chain.from_iterable(keys for _, keys, _ in runs))
            values = list(chain.from_iterable(values for _, _, values in runs))
        groups = self._key_groups(keys, max_parallelism)
        name = self.meta.name
        divided: dict[int, tuple[list[Any], list[Any]]] = {group: ([], []) for group in dict.fromkeys(groups)}
        put = {group: (keys.append, values.append) for group, (keys, values) in divided.items()}
        for key, value, group in zip(keys, values, groups, strict=True):
            put_key, put_value = put[group]
            put_key(key)
            put_value(value)
        if len(runs) == 1:
            for group, (group_keys, group_values) in divided.items():
                yield group, EntryBlock(name, runs[0][0], group_keys, group_values)
            return
        counted = _counted([(namespace, len(keys)) for namespace, keys, _ in runs], groups)
        for group, (group_keys, group_values) in divided.items():
            yield group, EntryBlocks(name, *counted[group], group_keys, group_values)

    def _key_groups(self, keys: list[Any], max_parallelism: int) -> list[int]:
        if self.meta.kind == TIMERS and self.meta.namespaced:
            keys = [entry[0] for entry in keys]
        try:
            # The same keys come up in window after window; equal ones are in one group, whatever their types.
            distinct = list(dict.fromkeys(keys)) if self.meta.namespaced else keys
            groups = key_groups(distinct, max_parallelism)
            if len(distinct) == len(keys):
                return groups
            return list(map(dict(zip(distinct, groups, strict=True)).__getitem__, keys))
        except UnsupportedKeyTypeError as error:
            raise MillstreamError(f"state {self.meta.name!r} cannot be divided by key: {error}") from error


@dataclass(frozen=True, slots=True)
class HeapImage:
    """All keyed state of an operator.

    :ivar stored: what was restored and not asked for since, by key group.
    """

    tables: tuple[ImageTable, ...]
    stored: dict[int, list[StoredSegment]]
    key_groups: KeyGroupRange
    max_parallelism: int

    def count(self) -> int:
        """How many entries there are, at least, without what is stored already."""
        return sum(table.count() for table in self.tables)

    def weight(self) -> int:
        """How many things there are to serialise."""
        return sum(table.weight() for table in self.tables)

    def is_empty(self) -> bool:
        """There is nothing to write."""
        return not self.stored and not any(table.count() for table in self.tables)

    def held(self) -> HeapImage | None:
        """Return what no later change reaches; ``None``: there is no such thing at little cost."""
        with without_collection():
            tables = []
            for table in self.tables:
                held = table.held()
                if held is None:
                    return None
                tables.append(held)
        return HeapImage(tuple(tables), self.stored, self.key_groups, self.max_parallelism)

    def chunks(self, *, compressed: bool) -> Iterator[bytes]:
        """The canonical file.

        :raises MillstreamError: something cannot be pickled; it names the state and the key.
        """
        metas = {segment.meta.name: segment.meta for segments in self.stored.values() for segment in segments}
        metas.update((table.meta.name, table.meta) for table in self.tables)
        return write_canonical(
            metas.values(), self.key_groups, self.max_parallelism, self._groups(), compressed=compressed
        )

    def _groups(self) -> Iterator[GroupEntries]:
        by_group: dict[int, list[EntryBlock | EntryBlocks | StoredSegment]] = {
            group: list(segments) for group, segments in self.stored.items()
        }
        for table in self.tables:
            for group, block in table.blocks(self.max_parallelism):
                by_group.setdefault(group, []).append(block)
        for group in sorted(by_group):
            if group not in self.key_groups:
                key = next((block.keys[0] for block in by_group[group] if not isinstance(block, StoredSegment)), None)
                raise MillstreamError(
                    f"the key {key!r} belongs to key group {group}, and this subtask owns {self.key_groups.start} to "
                    f"{self.key_groups.end}: its records came here without key_by(). What is reinterpreted as a keyed "
                    "stream must be partitioned as key_by() with the same key does it"
                )
            yield group, by_group.pop(group)


def image_of_table(
    table: HeapTable, kind: str, value_type: TypeForm, *, expires: bool, trim: Callable[[Any], Any] | None
) -> ImageTable:
    """Return the image of a table."""
    namespaces = tuple((namespace, values) for namespace, values in table.namespaces.items() if values)
    key_type = ANY
    for _, values in namespaces:
        key_type = form_of(type_of_value(next(iter(values))))
        break
    namespaced = any(namespace is not None for namespace, _ in namespaces)
    return ImageTable(StateMeta(table.name, kind, expires, namespaced, key_type, value_type), namespaces, (), trim)


def image_of_timers(name: str, queue: TimerQueue) -> ImageTable:
    """Return the image of a queue."""
    return ImageTable(timers_meta(name, namespaced=queue.namespaced), queue=queue)


def _timers(queue: TimerQueue) -> tuple[Hashable, list[Any], list[Any]]:
    entries: list[Any] = []
    times: list[int] = []
    for time in sorted(queue.buckets):
        bucket = queue.buckets[time]
        entries += bucket
        times += [time] * len(bucket)
    return None, entries, times


def _trimmed(keys: list[Any], values: list[Any], trim: Callable[[Any], Any]) -> tuple[list[Any], list[Any]]:
    trimmed = list(map(trim, values))
    left = [key for key, value in zip(keys, trimmed, strict=True) if value is not None]
    return left, [value for value in trimmed if value is not None]


def _counted(runs: list[tuple[Hashable, int]], groups: list[int]) -> dict[int, tuple[list[Hashable], list[int]]]:
    """Return for each group the namespaces that it has entries in, and how many.

    :param runs: namespaces, and how many of the entries are in each.
    :param groups: of the entries.
    """
    counted: dict[int, tuple[list[Hashable], list[int]]] = {group: ([], []) for group in dict.fromkeys(groups)}
    begin = 0
    for namespace, size in runs:
        end = begin + size
        counts = {groups[begin]: 1} if size == 1 else Counter(groups[begin:end])
        for group, count in counts.items():
            group_namespaces, group_counts = counted[group]
            group_namespaces.append(namespace)
            group_counts.append(count)
        begin = end
    return counted


@contextmanager
def without_collection() -> Iterator[None]:
    """Have no garbage collected meanwhile: making many lists at once would set it off, and it would find nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
