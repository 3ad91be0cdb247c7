"""The lists of one state: appended to without being read.

What is appended waits for a while, and becomes one more segment of the list in the database. The keys of segments are
numbers that only grow, so that the segments of a list are in their order.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend, NamespaceHolder, NoCurrentKeyError
from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.key_layout import KeyLayout, Place
from millstream.taskmanager.state.rocksdb.stored_value import (
    decode_stored,
    encode_stored,
    freeze,
    payload_of,
    thaw,
    with_originals,
)
from millstream.taskmanager.state.rocksdb.value_cache import unpicklable
from millstream.taskmanager.state.rocksdb.write_back import WriteBack

if TYPE_CHECKING:
    from rocksdict import WriteBatch

__all__ = ["ListStore", "elements_of", "segment_of", "sequence_bytes"]

_length = struct.Struct(">I")
_sequence = struct.Struct(">Q")
_MANY_SEGMENTS = 16
"""A list of more segments becomes one of one segment when it is read."""
_LIST_OVERHEAD = 100


def segment_of(elements: Iterable[bytes]) -> bytes:
    """Return the bytes of a segment, from those of its elements."""
    return b"".join([_length.pack(len(each)) + each for each in elements])


def sequence_bytes(sequence: int) -> bytes:
    """Return what comes after the prefix in a segment's key."""
    return _sequence.pack(sequence)


def elements_of(payload: bytes) -> list[bytes]:
    """Return the bytes of a segment's elements."""
    elements = []
    start = 0
    while start < len(payload):
        end = start + 4 + _length.unpack_from(payload, start)[0]
        elements.append(payload[start + 4 : end])
        start = end
    return elements


class _Pending:
    """What was done to a list and is not in the database."""

    __slots__ = ("elements", "replaces")

    def __init__(self, elements: list[bytes], *, replaces: bool) -> None:
        self.elements = elements
        self.replaces = replaces  # nothing of what the database has is left


class ListStore:
    """The lists of one state by key and namespace; elements are what :func:`.stored_value.freeze` makes of them."""

    __slots__ = ("_backend", "_column", "_layout", "_next_sequence", "_pending", "_write_back", "name")

    def __init__(
        self,
        name: str,
        backend: KeyedStateBackend,
        column: Column,
        layout: KeyLayout,
        write_back: WriteBack,
        next_sequence: Callable[[], int],
    ) -> None:
        """:param next_sequence: gives greater numbers each time, also after a restore."""
        self.name = name
        self._backend = backend
        self._column = column
        self._layout = layout
        self._write_back = write_back
        self._next_sequence = next_sequence
        self._pending: dict[Place, _Pending] = {}

    def place(self, holder: NamespaceHolder | None) -> Place:
        """Return the current key and namespace.

        :raises MillstreamError: there is no key.
        """
        place = self._backend.key, None if holder is None else holder.current
        try:
            hash(place)
        except NoCurrentKeyError as error:
            raise error.of_state(self.name) from None
        return place

    def encode(self, place: Place, values: Iterable[Any]) -> list[bytes]:
        """Return the bytes of elements.

        :raises MillstreamError: one cannot be pickled.
        """
        given = list(values)  # an error of the iterable is the program's
        try:
            return [encode_stored(freeze(value)) for value in given]
        except Exception as error:
            raise unpicklable(self.name, place[0], error) from error

    def get(self, place: Place) -> list[Any]:
        """Return copies of a list's elements."""
        return [thaw(decode_stored(each)) for each in self._raw(place)]

    def append(self, place: Place, elements: list[bytes]) -> None:
        """Append elements."""
        if not elements:
            return
        pending = self._pending.get(place)
        if pending is None:
            self._pending[place] = _Pending(elements, replaces=False)
        else:
            pending.elements += elements
        self._write_back.count(sum(map(len, elements)) + _LIST_OVERHEAD)

    def replace(self, place: Place, elements: list[bytes]) -> None:
        """Have only these elements."""
        self._pending[place] = _Pending(elements, replaces=True)
        self._write_back.count(sum(map(len, elements)) + _LIST_OVERHEAD)

    def drop_where(self, place: Place, expired: Callable[[Any], bool]) -> None:
        """Remove elements of a list, unless it was changed just now."""
        if place not in self._pending:
            left = [each for each in self._raw(place) if not expired(thaw(decode_stored(each)))]
            self.replace(place, left)

    def merge(self, key: Any, target: Hashable, sources: Iterable[Hashable]) -> None:
        """Append what is in the sources to the target; they are empty then."""
        for source in sources:
            if source != target:
                elements = self._raw((key, source))
                if elements:
                    self.append((key, target), elements)
                    self.replace((key, source), [])

    def write_to(self, batch: WriteBatch) -> None:
        """See :class:`Buffer`."""
        column = self._column
        pending, self._pending = self._pending, {}
        for place, each in pending.items():
            prefix, faithful = self._layout.prefix(*place)
            if each.replaces and not column.is_empty:
                column.delete_all(batch, [key for key, _ in column.scan_prefix(prefix)])
            if each.elements:
                data = b"\0" + segment_of(each.elements)
                if not faithful:
                    data = with_originals(place, data)
                column.put(batch, prefix + sequence_bytes(self._next_sequence()), data)

    def forget(self) -> None:
        """See :class:`Buffer`."""
        self._pending.clear()

    def _raw(self, place: Place) -> list[bytes]:
        pending = self._pending.get(place)
        if pending is not None and pending.replaces:
            return list(pending.elements)
        elements: list[bytes] = []
        segments = 0
        if not self._column.is_empty:
            for _, data in self._column.scan_prefix(self._layout.prefix(*place)[0]):
                segments += 1
                elements += elements_of(payload_of(data)[1:])
        if pending is not None:
            elements += pending.elements
        if segments > _MANY_SEGMENTS:
            self.replace(place, list(elements))
        return elements
