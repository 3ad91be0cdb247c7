"""The states of a backend: what is known of each, which column family it has, and what is cached of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from millstream.common.errors import MillstreamError
from millstream.datastream.state import StateDescriptor
from millstream.taskmanager.state.canonical_format import OPERATOR, StateMeta
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend
from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.database import Database
from millstream.taskmanager.state.rocksdb.expiry_sweep import ExpirySweep
from millstream.taskmanager.state.rocksdb.key_layout import KeyLayout
from millstream.taskmanager.state.rocksdb.list_store import ListStore
from millstream.taskmanager.state.rocksdb.map_store import MapStore
from millstream.taskmanager.state.rocksdb.registration import Registration, StoredType
from millstream.taskmanager.state.rocksdb.value_cache import ValueCache
from millstream.taskmanager.state.rocksdb.write_back import Buffer, WriteBack

__all__ = ["StateDirectory", "StateEntry"]

_COLUMN = "s:"


class StateEntry:
    """One state.

    :ivar of_keys: the values that belong to keys as such, of a state of values.
    :ivar of_namespaces: the values that belong to a key and a namespace.
    """

    __slots__ = ("column", "lists", "maps", "of_keys", "of_namespaces", "registration", "sweep")

    def __init__(self, registration: Registration, column: Column) -> None:
        self.registration = registration
        self.column = column
        self.of_keys: ValueCache | None = None
        self.of_namespaces: ValueCache | None = None
        self.lists: ListStore | None = None
        self.maps: MapStore | None = None
        self.sweep: ExpirySweep | None = None


class StateDirectory:
    """All states of one backend, by name."""

    def __init__(
        self, backend: KeyedStateBackend, database: Database, layout: KeyLayout, write_back: WriteBack,
        now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self.next_sequence = 0
        self._backend = backend
        self._database = database
        self._layout = layout
        self._write_back = write_back
        self._now_ms = now_ms
        self._entries: dict[str, StateEntry] = {}
        self._bridge: Callable[[StateEntry, StoredType], None] | None = None

    def bridge_with(self, bridge: Callable[[StateEntry, StoredType], None]) -> None:
        """Have states that were restored, and are declared now, called for this."""
        self._bridge = bridge

    def __iter__(self) -> Iterator[StateEntry]:
        return iter(self._entries.values())

    def find(self, name: str) -> StateEntry | None:
        """Return a state, if there is one of this name."""
        return self._entries.get(name)

    def buffers(self) -> Iterator[Buffer]:
        """All that holds changes."""
        for entry in self._entries.values():
            for buffer in (entry.of_keys, entry.of_namespaces, entry.lists, entry.maps):
                if buffer is not None:
                    yield buffer

    def declared(self, descriptor: StateDescriptor) -> StateEntry:
        """Return the state of a descriptor.

        :raises MillstreamError: there is another state of this name, or what was restored cannot be of its type.
        """
        entry = self._entries.get(descriptor.get_name()) if isinstance(descriptor, StateDescriptor) else None
        if entry is None:
            return self._add(Registration.of(descriptor, self._now_ms))
        registration = entry.registration
        registration.check(descriptor)
        registration.declare(descriptor, self._now_ms)
        stored_type = registration.stored_type
        if stored_type is None or self._bridge is None:
            return entry
        if descriptor.type_info is not None or stored_type.refusal is not None:
            self._bridge(entry, stored_type)
            registration.stored_type = None
        return entry

    def table(self, name: str) -> StateEntry:
        """Return the state that an operator uses as a table."""
        entry = self._entries.get(name)
        return self._add(Registration(name, OPERATOR)) if entry is None else entry

    def restored(self, meta: StateMeta, source: str) -> StateEntry:
        """Return the state that a snapshot has.

        :raises MillstreamError: the backend has another of this name, or the snapshots do.
        """
        entry = self._entries.get(meta.name)
        if entry is None:
            return self._add(Registration(meta.name, meta.kind, meta.expires, meta.namespaced))
        registration = entry.registration
        if registration.kind != meta.kind or registration.expires != meta.expires:
            raise MillstreamError(
                f"state {meta.name!r} cannot be restored from {source}: it is {registration.kind} state"
                f"{' with a time to live' if registration.expires else ''}, and was {meta.kind} state"
                f"{' with one' if meta.expires else ''}; give the state another name"
            )
        registration.namespaced = registration.namespaced or meta.namespaced
        return entry

    def values_of_keys(self, entry: StateEntry) -> ValueCache:
        """Return the cache of values that belong to keys as such."""
        if entry.of_keys is None:
            entry.of_keys = self._cache(entry, namespaced=False)
        return entry.of_keys

    def values_of_namespaces(self, entry: StateEntry) -> ValueCache:
        """Return the cache of values that belong to a key and a namespace."""
        if entry.of_namespaces is None:
            entry.of_namespaces = self._cache(entry, namespaced=True)
        return entry.of_namespaces

    def lists(self, entry: StateEntry) -> ListStore:
        """Return what keeps the lists of a list state."""
        if entry.lists is None:
            name = entry.registration.name
            entry.lists = ListStore(
                name, self._backend, entry.column, self._layout, self._write_back, self.take_sequence
            )
        return entry.lists

    def maps(self, entry: StateEntry) -> MapStore:
        """Return what keeps the maps of a map state."""
        if entry.maps is None:
            name = entry.registration.name
            entry.maps = MapStore(name, self._backend, entry.column, self._layout, self._write_back)
        return entry.maps

    def take_sequence(self) -> int:
        """Return a number that is greater than all before."""
        self.next_sequence += 1
        return self.next_sequence

    def sweep(self, records: int) -> None:
        """Look for what has expired."""
        for entry in self._entries.values():
            if entry.sweep is not None:
                entry.sweep.step(records)

    def _cache(self, entry: StateEntry, *, namespaced: bool) -> ValueCache:
        registration = entry.registration
        return ValueCache(
            registration.name,
            entry.column,
            self._layout,
            self._write_back,
            namespaced=namespaced,
            live=registration.kind == OPERATOR,
        )

    def _add(self, registration: Registration) -> StateEntry:
        column = self._database.column(_COLUMN + registration.name)
        entry = self._entries[registration.name] = StateEntry(registration, column)
        return entry
