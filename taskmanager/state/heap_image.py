"""The keyed state of an operator at one moment, on its way into a file.

While an image refers to the backend's own dicts it is only good until the next record (or in a forked process); a held
one has lists of its own.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.key_groups import KeyGroupRange, key_groups
from millstream.common.stable_hash import UnsupportedKeyTypeError
from millstream.common.typeinfo.type_hints import type_of_value
from millstream.taskmanager.state.canonical_format import TIMERS, EntryBlock, StateMeta, timers_meta
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

    def blocks(self, max_parallelism: int) -> Iterator[tuple[int, EntryBlock]]:
        """The entries, divided by key group."""
        if self.queue is not None:
            yield from self._divided(*_timers(self.queue), max_parallelism)
        for namespace, by_key in self.namespaces:
            yield from self._divided(namespace, list(by_key), list(by_key.values()), max_parallelism)
        for namespace, keys, values in self.pairs:
            yield from self._divided(namespace, keys, values, max_parallelism)

    def _divided(
        self, namespace: Hashable, keys: list[Any], values: list[Any], max_parallelism: int
    ) -> Iterator[tuple[int, EntryBlock]]:
        if self.trim is not None:
            trimmed = list(map(self.trim, values))
            keys = [key for key, value in zip(keys, trimmed, strict=True) if value is not None]
            values = [value for value in trimmed if value is not None]
        divided: dict[int, tuple[list[Any], list[Any]]] = {}
        for key, value, group in zip(keys, values, self._key_groups(keys, max_parallelism), strict=True):
            try:
                group_keys, group_values = divided[group]
            except KeyError:
                divided[group] = [key], [value]
            else:
                group_keys.append(key)
                group_values.append(value)
        name = self.meta.name
        for group, (group_keys, group_values) in divided.items():
            yield group, EntryBlock(name, namespace, group_keys, group_values)

    def _key_groups(self, keys: list[Any], max_parallelism: int) -> list[int]:
        if self.meta.kind == TIMERS and self.meta.namespaced:
            keys = [entry[0] for entry in keys]
        try:
            return key_groups(keys, max_parallelism)
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
        by_group: dict[int, list[EntryBlock | StoredSegment]] = {
            group: list(segments) for group, segments in self.stored.items()
        }
        for table in self.tables:
            for group, block in table.blocks(self.max_parallelism):
                by_group.setdefault(group, []).append(block)
        for group in sorted(by_group):
            if group not in self.key_groups:
                key = next((block.keys[0] for block in by_group[group] if isinstance(block, EntryBlock)), None)
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
