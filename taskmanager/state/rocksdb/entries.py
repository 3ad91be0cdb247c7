"""The entries of column families as blocks of the canonical format, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from millstream.common.key_groups import KeyGroupRange
from millstream.taskmanager.state.canonical_format import TIMERS, EntryBlock, StateMeta
from millstream.taskmanager.state.canonical_writer import GroupEntries
from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.key_encoding import encode_key
from millstream.taskmanager.state.rocksdb.key_layout import GROUP_SIZE, KeyLayout, place_of
from millstream.taskmanager.state.rocksdb.list_store import elements_of, segment_of, sequence_bytes
from millstream.taskmanager.state.rocksdb.map_store import map_key_of
from millstream.taskmanager.state.rocksdb.stored_timer_queue import TimerLayout
from millstream.taskmanager.state.rocksdb.stored_value import (
    decode_stored,
    encode_stored,
    freeze,
    payload_of,
    thaw,
    with_originals,
)

if TYPE_CHECKING:
    from rocksdict import WriteBatch

__all__ = ["ColumnView", "blocks_of", "put_block", "put_timers"]

_BLOCK = 1_024
_LARGEST_PART = 4_096
"""Of a map or list: larger ones come in parts."""


@dataclass(slots=True)
class ColumnView:
    """A column family as it was at one moment.

    :ivar expired: which stored values to leave out.
    """

    meta: StateMeta
    items: Iterator[tuple[bytes, bytes]]
    expired: Callable[[Any], bool] | None = None


def blocks_of(views: list[ColumnView], layout: KeyLayout, key_groups: KeyGroupRange) -> Iterator[GroupEntries]:
    """Read all views, key group by key group. Each is read once, so the groups must be read in this order."""
    states = [_StateReader(view) for view in views if view.meta.kind != TIMERS]
    timers = [(view.meta.name, _timers_by_group(view, layout)) for view in views if view.meta.kind == TIMERS]
    for group in key_groups:
        yield group, _group_blocks(group, states, timers)


def _group_blocks(
    group: int, states: list[_StateReader], timers: list[tuple[str, dict[int, list[tuple[Any, int]]]]]
) -> Iterator[EntryBlock]:
    for reader in states:
        yield from reader.blocks(group)
    for name, by_group in timers:
        entries = by_group.pop(group, [])
        for start in range(0, len(entries), _BLOCK):
            some = entries[start : start + _BLOCK]
            yield EntryBlock(name, None, [entry for entry, _ in some], [time for _, time in some])


def _timers_by_group(view: ColumnView, layout: KeyLayout) -> dict[int, list[tuple[Any, int]]]:
    """In memory: timers are in the order of their times."""
    timer_layout = TimerLayout(layout, namespaced=view.meta.namespaced)
    by_group: dict[int, list[tuple[Any, int]]] = defaultdict(list)
    for key, value in view.items:
        time, entry = timer_layout.decode(key, value)
        by_group[timer_layout.group(key)].append((entry, time))
    return by_group


class _StateReader:
    """Gives the entries of a state, one key group after the other."""

    def __init__(self, view: ColumnView) -> None:
        self._meta = view.meta
        self._entries = _decoded(view)
        self._next = next(self._entries, None)

    def blocks(self, group: int) -> Iterator[EntryBlock]:
        name = self._meta.name
        keys: list[Any] = []
        values: list[Any] = []
        namespace: Hashable = None
        while self._next is not None and self._next[0] == group:
            _, key, of, value = self._next
            if keys and (of != namespace or len(keys) >= _BLOCK):
                yield EntryBlock(name, namespace, keys, values)
                keys, values = [], []
            namespace = of
            keys.append(key)
            values.append(value)
            self._next = next(self._entries, None)
        if keys:
            yield EntryBlock(name, namespace, keys, values)


def _decoded(view: ColumnView) -> Iterator[tuple[int, Any, Hashable, Any]]:
    """Give key group, key, namespace and value."""
    if view.meta.kind == "list":
        return _gathered(view, _list_part, list.__iadd__)
    if view.meta.kind == "map":
        return _gathered(view, _map_part, dict.__ior__)
    return _values(view)


def _values(view: ColumnView) -> Iterator[tuple[int, Any, Hashable, Any]]:
    expired = view.expired
    for data, value in view.items:
        key, namespace, _ = place_of(data, value)
        found = thaw(decode_stored(value))
        if expired is None or not expired(found):
            yield int.from_bytes(data[:GROUP_SIZE], "big"), key, namespace, found


def _list_part(_: bytes, __: int, value: bytes) -> list[Any]:
    return [thaw(decode_stored(each)) for each in elements_of(payload_of(value)[1:])]


def _map_part(data: bytes, prefix_size: int, value: bytes) -> dict[Any, Any]:
    return {map_key_of(data, prefix_size, value): thaw(decode_stored(value))}


def _gathered(
    view: ColumnView, part_of: Callable[[bytes, int, bytes], Any], join: Callable[[Any, Any], Any]
) -> Iterator[tuple[int, Any, Hashable, Any]]:
    """Join the parts of lists and maps, which follow one another."""
    prefix: bytes | None = None
    whole: Any = None
    place: tuple[int, Any, Hashable] = 0, None, None
    for data, value in view.items:
        if prefix is None or not data.startswith(prefix) or len(whole) >= _LARGEST_PART:
            if whole:
                yield *place, whole
            key, namespace, end = place_of(data, value)
            prefix = data[:end]
            place = int.from_bytes(data[:GROUP_SIZE], "big"), key, namespace
            whole = None
        part = part_of(data, len(prefix), value)
        if view.expired is not None:
            part = _left(part, view.expired)
        whole = part if whole is None else join(whole, part)
    if whole:
        yield *place, whole


def _left(part: Any, expired: Callable[[Any], bool]) -> Any:
    if isinstance(part, list):
        return [each for each in part if not expired(each)]
    return {key: each for key, each in part.items() if not expired(each)}


def put_block(
    batch: WriteBatch, column: Column, group: int, kind: str, block: EntryBlock, next_sequence: Callable[[], int]
) -> None:
    """Have a batch write the entries of a block, which are of one key group."""
    namespace = block.namespace
    for key, value in zip(block.keys, block.values, strict=True):
        prefix, faithful = KeyLayout.prefix_in(group, key, namespace)
        if kind == "list":
            data = b"\0" + segment_of([encode_stored(freeze(each)) for each in value])
            data = data if faithful else with_originals((key, namespace), data)
            column.put(batch, prefix + sequence_bytes(next_sequence()), data)
        elif kind == "map":
            for map_key, each in value.items():
                encoded, also = encode_key(map_key)
                data = encode_stored(freeze(each))
                data = data if faithful and also else with_originals((key, namespace, map_key), data)
                column.put(batch, prefix + encoded, data)
        else:
            data = encode_stored(freeze(value))
            column.put(batch, prefix, data if faithful else with_originals((key, namespace), data))


def put_timers(batch: WriteBatch, column: Column, layout: TimerLayout, block: EntryBlock) -> None:
    """Have a batch write timers."""
    for entry, time in zip(block.keys, block.values, strict=True):
        column.put(batch, *layout.encode(time, entry))
