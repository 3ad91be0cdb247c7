"""The values of one state that are in use, as Python objects, over the database.

A hit costs what a dict costs. Changes are marked, and written together later (:mod:`.write_back`); when there are too
many values, those that came first go, unless they were changed just now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any

from millstream.common.errors import MillstreamError
from millstream.taskmanager.state.keyed_state_backend import NoCurrentKeyError
from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.key_layout import KeyLayout, Place
from millstream.taskmanager.state.rocksdb.stored_value import (
    decode_live,
    decode_stored,
    encode_live,
    encode_stored,
    freeze,
    with_originals,
)
from millstream.taskmanager.state.rocksdb.write_back import WriteBack

if TYPE_CHECKING:
    from rocksdict import WriteBatch

__all__ = ["ValueCache", "unpicklable"]

_ABSENT = object()
_SAMPLE_EVERY = 32
"""In one of so many batches nothing is fetched ahead, to see whether it would have been used."""


def unpicklable(name: str, key: Any, error: Exception) -> MillstreamError:
    """The error of a value that cannot be kept."""
    return MillstreamError(
        f"the value of state {name!r} for the key {key!r} cannot be pickled ({type(error).__name__}: {error}); keep in "
        "state only what can be, and make the rest anew in open()"
    )


class ValueCache:
    """Values by place: by key, or by key and namespace.

    :ivar values: what is kept of them (:func:`.stored_value.freeze`); ``None``: there is known to be none.
    :ivar changed: the places whose values the database does not have yet. Whoever changes a value adds its place, and
        calls :meth:`spill` when they are more than :attr:`most_changed`.
    :ivar live: values are kept as they are, and frozen only on their way to the database.
    """

    __slots__ = (
        "_column",
        "_decode",
        "_encoded",
        "_fetched",
        "_is_used",
        "_layout",
        "_mean",
        "_namespaced",
        "_recent",
        "_size",
        "_unlike",
        "_write_back",
        "batches",
        "changed",
        "live",
        "most_changed",
        "most_entries",
        "name",
        "values",
    )

    def __init__(
        self,
        name: str,
        column: Column,
        layout: KeyLayout,
        write_back: WriteBack,
        *,
        namespaced: bool = False,
        live: bool = False,
    ) -> None:
        """:param namespaced: a place is a pair of key and namespace; else a key."""
        self.name = name
        self.values: dict[Any, Any] = {}
        self.changed: set[Any] = set()
        self.live = live
        self._decode = decode_live if live else decode_stored
        self._encoded: dict[Any, bytes] = {}
        self._unlike: set[Any] = set()  # of those, what cannot be made from its key in the database again
        self._column = column
        self._layout = layout
        self._write_back = write_back
        self._namespaced = namespaced
        self._recent: AbstractSet[Any] = frozenset()
        self._mean = 32.0
        self.batches = 0
        self._is_used = True
        self._fetched = 0
        self._size = 0
        write_back.add_cache()
        self.most_changed = 1_024  # until it is known how large values are
        self.most_entries = write_back.most_entries(self._mean)

    def place(self, place: Any) -> Place:
        """Return key and namespace."""
        key, namespace = place if self._namespaced else (place, None)
        return key, namespace

    def load(self, place: Any) -> Any:
        """Fetch what is not in :attr:`values`; return what is kept of it, ``None``: nothing."""
        self._fetched += 1
        if len(self.values) >= self.most_entries:
            self.evict()
        if self._column.is_empty:
            data = None
            hash(place)
        else:
            data = self._column.get(self._layout.prefix(*self.place(place))[0])
        stored = self.values[place] = None if data is None else self._decode(data)
        return stored

    def put(self, place: Any, value: Any) -> None:
        """Keep a value.

        :raises MillstreamError: it cannot be pickled, or there is no key.
        """
        try:
            self.values[place] = stored = value if self.live else freeze(value)
        except NoCurrentKeyError as error:
            raise error.of_state(self.name) from None
        except Exception as error:
            raise unpicklable(self.name, self.place(place)[0], error) from error
        self.changed.add(place)
        if type(stored) is not int and isinstance(stored, bytes):
            self._write_back.count(len(stored))
        if len(self.changed) > self.most_changed:
            self.spill()

    def put_number(self, place: Any, value: float) -> None:
        """Keep one of :data:`.stored_value.NUMBERS`, in less time than :meth:`put`.

        :raises MillstreamError: there is no key.
        """
        try:
            self.values[place] = value
        except NoCurrentKeyError as error:
            raise error.of_state(self.name) from None
        changed = self.changed
        changed.add(place)
        if len(changed) > self.most_changed:
            self.spill()

    def remove(self, place: Any) -> None:
        """Keep no value."""
        self.values[place] = None
        self.changed.add(place)
        if len(self.changed) > self.most_changed:
            self.spill()

    def drop_unchanged(self, place: Any) -> None:
        """Remove a value that the database has, unless it was changed since it was written there."""
        if place not in self.changed:
            self.remove(place)

    def spill(self) -> None:
        """Write changes, and make room."""
        self._write_back.flush()
        if len(self.values) > self.most_entries:
            self.evict()

    def fetch(self, places: Iterable[Any], absent: Any = None) -> None:
        """Fetch together what is not in :attr:`values`.

        :param absent: stands there for what there is none of; ``_ABSENT``: nothing does.
        """
        wanted = set(places)
        missing = self._missing(wanted)
        if not missing:
            return
        if len(self.values) + len(missing) > self.most_entries:
            self.evict(len(missing))
            missing = self._missing(wanted)  # some of what was there has gone
        values = self.values
        if self._column.is_empty:
            if absent is not _ABSENT:
                values.update(dict.fromkeys(missing, absent))
            return
        decode = self._decode
        encoded, unlike = self._encode_all(missing)
        for place, data in zip(missing, self._column.get_many(encoded), strict=True):
            if data is not None:
                values[place] = decode(data)
            elif absent is not _ABSENT:
                values[place] = absent
        if len(self._encoded) + len(missing) <= self.most_changed:  # most will be changed and written
            self._encoded.update(zip(missing, encoded, strict=True))
            self._unlike |= unlike

    def _missing(self, wanted: set[Any]) -> list[Any]:
        missing = wanted.difference(self.values)
        # What has no value any more, and is still to be deleted, is not to come back.
        return list(missing.difference(self.changed) if self.live else missing)

    def fetch_present(self, places: Iterable[Any]) -> None:
        """Fetch together what is not in :attr:`values`; nothing stands there for what there is none of."""
        self.fetch(places, _ABSENT)

    def fetch_ahead(self, keys: AbstractSet[Any]) -> None:
        """Fetch what the next records' keys have, if what was fetched ahead lately was of use."""
        if self._namespaced:
            return
        self.batches += 1
        if self.batches % _SAMPLE_EVERY == 0:
            self._fetched = 0
            self._size = len(keys.difference(self.values)) if isinstance(keys, (set, frozenset)) else 0
            return
        if self.batches % _SAMPLE_EVERY == 1 and self._size:
            self._is_used = self._fetched * 4 >= self._size
        if self._is_used:
            self.fetch(keys)

    def write_to(self, batch: WriteBatch) -> None:
        """See :class:`Buffer`."""
        changed = self.changed
        if not changed:
            return
        values, column, live = self.values, self._column, self.live
        nothing = _ABSENT if live else None
        places = list(changed)
        known, unlike = self._encoded, self._unlike
        unknown = [place for place in places if place not in known]
        if unknown:
            encoded, more = self._encode_all(unknown)
            known.update(zip(unknown, encoded, strict=True))
            unlike |= more
        to_bytes = encode_live if live else encode_stored
        written = 0
        was_empty = column.is_empty
        put, handle = batch.put, column.handle_for_writing()
        for place, key, stored in zip(
            places, map(known.__getitem__, places), map(values.get, places, repeat(nothing)), strict=True
        ):
            if stored is nothing:
                if not was_empty:
                    batch.delete(key, handle)
                continue
            try:
                data = to_bytes(stored)
            except Exception as error:
                raise unpicklable(self.name, self.place(place)[0], error) from error
            if unlike and place in unlike:
                data = with_originals(self.place(place), data)
            put(key, data, handle)
            written += len(data) + len(key)
        self._encoded = {}
        self._unlike = set()
        self._mean += (written / len(changed) - self._mean) / 4
        self._recent = changed
        self.changed = set()
        self.most_changed = self._write_back.most_changed(self._mean)
        self.most_entries = self._write_back.most_entries(self._mean)

    def evict(self, room: int = 0) -> None:
        """Make room: let go of what came first."""
        self._write_back.flush()
        values, recent = self.values, self._recent
        excess = len(values) + room - self.most_entries * 7 // 8
        for place in list(islice(values, max(0, min(excess, len(values))))):
            stored = values.pop(place)
            if place in recent:
                values[place] = stored
        self._recent = frozenset()
        if len(values) > self.most_entries:  # all that came first was changed just now
            for place in list(islice(values, len(values) - self.most_entries)):
                del values[place]

    def forget(self) -> None:
        """See :class:`Buffer`."""
        self.values.clear()
        self.changed.clear()
        self._encoded.clear()
        self._unlike.clear()
        self._recent = frozenset()

    def _encode_all(self, places: Sequence[Any]) -> tuple[list[bytes], set[Any]]:
        """The keys in the database, and those of the places that cannot be made from theirs again."""
        if not self._namespaced:
            return self._layout.prefixes(places)
        prefixes = [self._layout.prefix(*place) for place in places]
        unlike = {place for place, (_, faithful) in zip(places, prefixes, strict=True) if not faithful}
        return [prefix for prefix, _ in prefixes], unlike
