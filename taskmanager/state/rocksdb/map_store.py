"""The maps of one state, entry by entry: a large map is never read as a whole to find one entry of it.

The entries that are in use are kept as Python objects. Of a map that is small all are, and then nothing of it is looked
for in the database any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend, NamespaceHolder, NoCurrentKeyError
from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.key_encoding import decode_key, encode_key
from millstream.taskmanager.state.rocksdb.key_layout import KeyLayout, Place
from millstream.taskmanager.state.rocksdb.stored_value import (
    Pickled,
    decode_stored,
    encode_stored,
    freeze,
    originals_of,
    thaw,
    with_originals,
)
from millstream.taskmanager.state.rocksdb.value_cache import unpicklable
from millstream.taskmanager.state.rocksdb.write_back import WriteBack

if TYPE_CHECKING:
    from rocksdict import WriteBatch

__all__ = ["ABSENT", "MapStore", "map_key_of"]

ABSENT: Any = object()
"""Stands for the value of an entry that is not there."""
_SMALL_MAP = 1_024
_MAP_OVERHEAD = 4
"""A map's own weight, in entries."""


def map_key_of(data: bytes, prefix_size: int, value: bytes) -> Any:
    """Return the key of an entry in its map."""
    originals = originals_of(value)
    return originals[2] if originals is not None else decode_key(data, prefix_size)[0]


class _Entries:
    """What is known of a map.

    :ivar known: entries by their keys; ``ABSENT``: it has none with this key.
    :ivar changed: the keys of entries that the database does not have as they are.
    :ivar is_complete: what is not known is not there.
    :ivar is_wiped: all that the database has of it is to be deleted.
    :ivar is_sorted: ``known`` is in the order of the database.
    """

    __slots__ = ("changed", "is_complete", "is_sorted", "is_wiped", "known")

    def __init__(self) -> None:
        self.known: dict[Any, Any] = {}
        self.changed: set[Any] = set()
        self.is_complete = False
        self.is_wiped = False
        self.is_sorted = False


class MapStore:
    """The maps of one state by key and namespace."""

    __slots__ = (
        "_backend", "_changed", "_column", "_layout", "_maps", "_mean", "_most_entries", "_weight", "_write_back",
        "name",
    )  # fmt: skip

    def __init__(
        self, name: str, backend: KeyedStateBackend, column: Column, layout: KeyLayout, write_back: WriteBack
    ) -> None:
        self.name = name
        self._backend = backend
        self._column = column
        self._layout = layout
        self._write_back = write_back
        self._maps: dict[Place, _Entries] = {}
        self._changed: dict[Place, _Entries] = {}
        self._weight = 0
        self._mean = 64.0
        write_back.add_cache()
        self._most_entries = write_back.most_entries(self._mean)

    def get(self, holder: NamespaceHolder | None, map_key: Any) -> Any:
        """Return a copy of an entry's value, or ``ABSENT``."""
        place, entries = self._entries(holder)
        try:
            stored = entries.known[map_key]
        except KeyError:
            stored = self._load(place, entries, map_key)
        return thaw(stored)

    def put(self, holder: NamespaceHolder | None, map_key: Any, value: Any) -> None:
        """Set an entry.

        :raises MillstreamError: the value cannot be pickled.
        """
        place, entries = self._entries(holder)
        try:
            stored = freeze(value)
        except Exception as error:
            raise unpicklable(self.name, place[0], error) from error
        if map_key not in entries.known:
            self._weight += 1
            entries.is_sorted = False
        entries.known[map_key] = stored
        self._mark(place, entries, map_key)
        if type(stored) is Pickled:
            self._write_back.count(len(stored))

    def remove(self, holder: NamespaceHolder | None, map_key: Any) -> None:
        """Remove an entry."""
        place, entries = self._entries(holder)
        if entries.is_complete and entries.known.get(map_key, ABSENT) is ABSENT:
            hash(map_key)
            return
        if map_key not in entries.known:
            self._weight += 1
        entries.known[map_key] = ABSENT
        self._mark(place, entries, map_key)

    def drop_unchanged(self, place: Place, map_key: Any) -> None:
        """Remove an entry that the database has, unless it was changed since it was written there."""
        entries = self._maps.get(place) or self._changed.get(place)
        if entries is None:
            entries = self._maps[place] = _Entries()
            self._weight += _MAP_OVERHEAD
        if map_key not in entries.changed and not entries.is_wiped:
            if map_key not in entries.known:
                self._weight += 1
            entries.known[map_key] = ABSENT
            self._mark(place, entries, map_key)

    def items(self, holder: NamespaceHolder | None) -> Iterator[tuple[Any, Any]]:
        """Iterate over copies of all entries as they are now, in the order of their keys' encodings."""
        place, entries = self._entries(holder)
        if not entries.is_complete and not self._read_whole(place, entries):
            # The iterator sees the database as it is now.
            self._write_back.flush()
            prefix = self._layout.prefix(*place)[0]
            scan = self._column.scan_prefix(prefix)
            size = len(prefix)
            return ((map_key_of(key, size, data), thaw(decode_stored(data))) for key, data in scan)
        if not entries.is_sorted:
            known = sorted(entries.known.items(), key=lambda item: encode_key(item[0])[0])
            entries.known = dict(known)
            entries.is_sorted = True
        return iter([(key, thaw(stored)) for key, stored in entries.known.items() if stored is not ABSENT])

    def is_empty(self, holder: NamespaceHolder | None) -> bool:
        """Whether there is no entry."""
        place, entries = self._entries(holder)
        if any(stored is not ABSENT for stored in entries.known.values()):
            return False
        if not entries.is_complete and not self._read_whole(place, entries):
            return False
        return all(stored is ABSENT for stored in entries.known.values())

    def clear(self, holder: NamespaceHolder | None) -> None:
        """Remove all entries."""
        place, entries = self._entries(holder)
        self._weight -= len(entries.known)
        entries.known.clear()
        entries.changed.clear()
        entries.is_complete = entries.is_sorted = True
        if not self._column.is_empty:
            entries.is_wiped = True
            self._changed[place] = entries

    def write_to(self, batch: WriteBatch) -> None:
        """See :class:`Buffer`."""
        column = self._column
        changed, self._changed = self._changed, {}
        count = written = 0
        for place, entries in changed.items():
            prefix, faithful = self._layout.prefix(*place)
            if entries.is_wiped:
                column.delete_all(batch, [key for key, _ in column.scan_prefix(prefix)])
                entries.is_wiped = False
            for map_key in entries.changed:
                stored = entries.known[map_key]
                encoded, also = encode_key(map_key)
                if stored is ABSENT:
                    column.delete(batch, prefix + encoded)
                    continue
                data = encode_stored(stored)
                if not (faithful and also):
                    data = with_originals((*place, map_key), data)
                column.put(batch, prefix + encoded, data)
                written += len(prefix) + len(encoded) + len(data)
                count += 1
            entries.changed.clear()
        if count:
            self._mean += (written / count - self._mean) / 4
            self._most_entries = self._write_back.most_entries(self._mean)

    def forget(self) -> None:
        """See :class:`Buffer`."""
        self._maps.clear()
        self._changed.clear()
        self._weight = 0

    def _entries(self, holder: NamespaceHolder | None) -> tuple[Place, _Entries]:
        place = self._backend.key, None if holder is None else holder.current
        try:
            entries = self._maps.get(place)
        except NoCurrentKeyError as error:
            raise error.of_state(self.name) from None
        if entries is None:
            if self._weight >= self._most_entries:
                self._evict()
            entries = self._maps[place] = _Entries()
            entries.is_complete = self._column.is_empty
            self._weight += _MAP_OVERHEAD
        elif self._weight > self._most_entries * 2:  # one map of many entries
            self._evict()
            entries = self._maps[place] = _Entries()
            self._weight += _MAP_OVERHEAD
        return place, entries

    def _mark(self, place: Place, entries: _Entries, map_key: Any) -> None:
        entries.changed.add(map_key)
        self._changed[place] = entries
        self._write_back.count(int(self._mean))

    def _load(self, place: Place, entries: _Entries, map_key: Any) -> Any:
        if entries.is_complete:
            return ABSENT
        data = self._column.get(self._layout.prefix(*place)[0] + encode_key(map_key)[0])
        stored = entries.known[map_key] = ABSENT if data is None else decode_stored(data)
        entries.is_sorted = False
        self._weight += 1
        return stored

    def _read_whole(self, place: Place, entries: _Entries) -> bool:
        """Get to know all entries, if they are few; whether they are."""
        prefix = self._layout.prefix(*place)[0]
        size = len(prefix)
        found = list(islice(self._column.scan_prefix(prefix), _SMALL_MAP + 1))
        if len(found) > _SMALL_MAP:
            return False
        before = entries.known
        known = {map_key_of(key, size, data): data for key, data in found}
        entries.known = {key: before[key] if key in before else decode_stored(data) for key, data in known.items()}
        entries.is_sorted = True
        for key, stored in before.items():
            if key not in entries.known:
                entries.known[key] = stored
                entries.is_sorted = False
        entries.is_complete = True
        self._weight += len(entries.known) - len(before)
        return True

    def _evict(self) -> None:
        """Let go of the maps that came first, with half of all entries."""
        self._write_back.flush()
        for place in list(self._maps):
            if self._weight * 2 <= self._most_entries:
                break
            entries = self._maps.pop(place)
            self._weight -= len(entries.known) + _MAP_OVERHEAD
