"""Keyed state in RocksDB.

Each operator of each subtask has a database of its own, each of its states and queues of timers a column family in it.
Above the database are caches, which hold what is in use as Python objects and gather changes (:mod:`.write_back`): a
snapshot writes these, and is then no more than a set of hard links to the database's files, or a view of what it has.

What differs from the heap: a program gets copies. ``state.value().append(x)`` changes no state; ``update`` does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from millstream.common.checkpoint.streams import SnapshotStreams, StateReader
from millstream.common.config import RocksDbOptions
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle, NamedFile
from millstream.datastream.state import ListStateDescriptor, MapStateDescriptor, State, StateDescriptor
from millstream.taskmanager.state.canonical_format import timers_meta
from millstream.taskmanager.state.heap_cell import HeapCell
from millstream.taskmanager.state.heap_state_kind import create_state, stored_merger
from millstream.taskmanager.state.keyed_state_backend import (
    NO_KEY,
    KeyedBackendSettings,
    KeyedStateBackend,
    KeyedTable,
    NamespaceHolder,
)
from millstream.taskmanager.state.rocksdb.canonical_snapshot import CanonicalSnapshot
from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.database import Database
from millstream.taskmanager.state.rocksdb.entries import ColumnView
from millstream.taskmanager.state.rocksdb.expiry_sweep import ExpirySweep
from millstream.taskmanager.state.rocksdb.key_layout import KeyLayout, place_of
from millstream.taskmanager.state.rocksdb.list_state import RocksDbListState, RocksDbTtlListState
from millstream.taskmanager.state.rocksdb.list_store import elements_of
from millstream.taskmanager.state.rocksdb.local_directory import LocalDirectory, base_directory
from millstream.taskmanager.state.rocksdb.map_state import RocksDbMapState, RocksDbTtlMapState
from millstream.taskmanager.state.rocksdb.native_snapshot import FILES, NativeMeta, NativeSnapshot, SharedFiles
from millstream.taskmanager.state.rocksdb.restorer import Restorer
from millstream.taskmanager.state.rocksdb.script_class_pickle import forget_classes
from millstream.taskmanager.state.rocksdb.slot_memory import SlotMemory
from millstream.taskmanager.state.rocksdb.state_directory import StateDirectory, StateEntry
from millstream.taskmanager.state.rocksdb.stored_timer_queue import StoredTimerQueue, TimerLayout
from millstream.taskmanager.state.rocksdb.stored_value import decode_stored, payload_of, thaw
from millstream.taskmanager.state.rocksdb.value_state import RocksDbValueState, key_cell, namespace_cell
from millstream.taskmanager.state.rocksdb.value_table import RocksDbTable
from millstream.taskmanager.state.rocksdb.write_back import Buffer, WriteBack
from millstream.taskmanager.state.snapshot import NATIVE, RunningSnapshot, SnapshotOptions
from millstream.taskmanager.state.timer_queue import TimerQueue

__all__ = ["RocksDbKeyedStateBackend"]

_TIMERS = "t:"
_SWEPT_PER_RECORD = 1
_MOST_ASKED = 64
"""A function that makes a descriptor anew each time must not fill the memory with them."""


class RocksDbKeyedStateBackend(KeyedStateBackend):
    """The keyed state of one operator, in a directory that goes when the backend is closed."""

    def __init__(self, settings: KeyedBackendSettings) -> None:
        """Make an empty one.

        :raises ConfigurationError: the library is not installed.
        :raises MillstreamError: there can be no database.
        """
        forget_classes()
        self.key: Any = NO_KEY
        self._settings = settings
        configuration = settings.configuration
        self._directory = LocalDirectory(base_directory(configuration, settings.directory, settings.subtask_index))
        try:
            self._memory = SlotMemory.join(str(settings.directory), configuration)
        except BaseException:
            self._directory.remove()
            raise
        try:
            database_directory = self._directory.path / "db"
            database_directory.mkdir()
            self._database = Database(database_directory, configuration, self._memory)
        except BaseException:
            self._memory.leave()
            self._directory.remove()
            raise
        self._layout = KeyLayout(settings.max_parallelism)
        self._write_back = WriteBack(
            self._memory, self.flush, self._write, configuration.get(RocksDbOptions.WRITE_BATCH_SIZE)
        )
        self._states = StateDirectory(self, self._database, self._layout, self._write_back, settings.now_ms)
        self._queues: dict[str, tuple[TimerQueue, Column]] = {}
        self._timers_on_heap = configuration.get(RocksDbOptions.TIMER_SERVICE) == "HEAP"
        self._shared_files = SharedFiles()
        self._restorer = Restorer(
            self._database,
            self._states,
            self._queue_column,
            self._shared_files,
            settings,
            self._memory,
            self._directory.path,
        )
        self._states.bridge_with(self._restorer.bridge)
        self._objects: dict[tuple[str, NamespaceHolder | None], State] = {}
        # Functions ask for their states with every record, by the same descriptors.
        self._asked: dict[tuple[int, NamespaceHolder | None], tuple[StateDescriptor, State]] = {}
        self._tables: dict[str, RocksDbTable] = {}

    def flush(self) -> None:
        """Write all changes to the database."""
        batch = self._database.new_batch()
        for buffer in self._states.buffers():
            buffer.write_to(batch)
        for queue, _ in self._queues.values():
            if isinstance(queue, StoredTimerQueue):
                queue.write_to(batch)
        self._database.write(batch)
        self._write_back.changed_bytes = 0

    def _write(self, buffer: Buffer) -> None:
        batch = self._database.new_batch()
        buffer.write_to(batch)
        self._database.write(batch)

    def begin_batch(self, keys: Sequence[Any]) -> None:
        distinct = set(keys)
        for entry in self._states:
            if entry.of_keys is not None and not entry.of_keys.live:
                entry.of_keys.fetch_ahead(distinct)

    def end_batch(self) -> None:
        for queue, _ in self._queues.values():
            if isinstance(queue, StoredTimerQueue):
                queue.settle()

    def clean_up_for_records(self, count: int) -> None:
        self._states.sweep(count)

    def value_table(self, name: str) -> KeyedTable:
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = RocksDbTable(self._states.values_of_keys(self._states.table(name)))
        return table

    def get_state(self, descriptor: StateDescriptor, namespace: NamespaceHolder | None = None) -> State:
        asked = self._asked.get((id(descriptor), namespace))
        if asked is not None and asked[0] is descriptor:
            return asked[1]
        entry = self._states.declared(descriptor)
        if namespace is not None:
            entry.registration.namespaced = True
        place = entry.registration.name, namespace
        state = self._objects.get(place)
        if state is None:
            state = self._objects[place] = self._create(descriptor, entry, namespace)
        if len(self._asked) >= _MOST_ASKED:
            self._asked.clear()
        self._asked[id(descriptor), namespace] = descriptor, state
        return state

    def _create(self, descriptor: StateDescriptor, entry: StateEntry, namespace: NamespaceHolder | None) -> State:
        clock = entry.registration.clock
        state: State
        if isinstance(descriptor, ListStateDescriptor):
            lists = self._states.lists(entry)
            if clock is None:
                state = RocksDbListState(lists, namespace)
            else:
                state = RocksDbTtlListState(lists, namespace, clock)
        elif isinstance(descriptor, MapStateDescriptor):
            maps = self._states.maps(entry)
            state = RocksDbMapState(maps, namespace) if clock is None else RocksDbTtlMapState(maps, namespace, clock)
        elif entry.registration.kind == "value" and clock is None and namespace is None:
            state = RocksDbValueState(self, self._states.values_of_keys(entry))
        else:
            state = create_state(descriptor, self._cell(entry, namespace), clock)
        if clock is not None:
            self._sweep(descriptor, entry)
        return state

    def _cell(self, entry: StateEntry, namespace: NamespaceHolder | None) -> HeapCell:
        of_keys = self._states.values_of_keys(entry)
        if namespace is None:
            return key_cell(self, of_keys)
        return namespace_cell(self, self._states.values_of_namespaces(entry), of_keys, namespace)

    def _sweep(self, descriptor: StateDescriptor, entry: StateEntry) -> None:
        """Have the state looked through for what has expired."""
        config = descriptor.get_ttl_config()
        clock = entry.registration.clock
        if config is None or clock is None:
            return
        strategies = config.get_cleanup_strategies()
        incremental = strategies.get_incremental_cleanup_strategy()
        per_record = 0 if incremental is None else incremental.get_cleanup_size()
        if strategies.get_rocksdb_compact_filter_cleanup_strategy() is not None:
            per_record = max(per_record, _SWEPT_PER_RECORD)
        keeper = entry.lists or entry.maps or entry.of_namespaces or entry.of_keys
        if per_record and keeper is not None:
            entry.sweep = ExpirySweep(entry.column, clock, keeper, entry.of_keys, per_record)

    def timers(self, name: str, *, namespaced: bool | None = None) -> TimerQueue:
        found = self._queues.get(name)
        if found is None:
            found = self._queues[name] = self._new_queue(name, namespaced=bool(namespaced))
        if namespaced is not None:
            found[0].namespaced = namespaced
        return found[0]

    def properties(self) -> dict[str, Callable[[str], int | None]]:
        columns = {entry.registration.meta.name: entry.column for entry in self._states}
        columns.update((name, column) for name, (_, column) in self._queues.items())
        return {name: column.property_value for name, column in columns.items()}

    def timers_fired(self) -> int:
        return sum(queue.fired for queue, _ in self._queues.values())

    def _new_queue(self, name: str, *, namespaced: bool) -> tuple[TimerQueue, Column]:
        column = self._database.column(_TIMERS + name)
        if self._timers_on_heap:
            return TimerQueue(namespaced=namespaced), column
        return StoredTimerQueue(column, self._layout, self._write_back, namespaced=namespaced), column

    def _queue_column(self, name: str, namespaced: bool) -> Column:  # called by position
        self.timers(name, namespaced=namespaced)
        return self._queues[name][1]

    def merge_namespaces(self, descriptor: StateDescriptor, target: Hashable, sources: Iterable[Hashable]) -> None:
        entry = self._states.declared(descriptor)
        merge = stored_merger(descriptor, entry.registration.clock)
        if isinstance(descriptor, ListStateDescriptor):
            self._states.lists(entry).merge(self.key, target, sources)
            return
        holder = NamespaceHolder()
        cell = self._cell(entry, holder)
        entry.registration.namespaced = True
        merged: Any = None
        for source in sources:
            if source != target:
                holder.current = source
                stored = cell.get()
                if stored is not None:
                    cell.remove()
                    merged = stored if merged is None else merge(merged, stored)
        if merged is not None:
            holder.current = target
            stored = cell.get()
            cell.put(merged if stored is None else merge(stored, merged))

    def keys(self, name: str, namespace: Hashable = None) -> list[Any]:
        entry = self._states.find(name)
        clock = None if entry is None else entry.registration.clock
        return [
            key for key, found in self._places(name, None if clock is None else clock.horizon()) if found == namespace
        ]

    def keys_and_namespaces(self, name: str) -> Iterator[tuple[Any, Hashable]]:
        return self._places(name, None)

    def _places(self, name: str, horizon: int | None) -> Iterator[tuple[Any, Hashable]]:
        """Give each key and namespace that has something, or something that has not expired."""
        entry = self._states.find(name)
        if entry is None:
            return
        self.flush()
        prefix: bytes | None = None
        for data, value in entry.column.scan_all():
            if prefix is not None and data.startswith(prefix):
                continue
            if horizon is not None and not _lives(entry.registration.kind, value, horizon):
                continue
            key, namespace, end = place_of(data, value)
            prefix = data[:end]
            yield key, namespace

    def forget_keys(self) -> None:
        batch = self._database.new_batch()
        for column in self._database.columns().values():
            column.delete_everything(batch)
        self._database.write(batch)
        self._forget()

    def _forget(self) -> None:
        """Drop what is in memory."""
        for buffer in self._states.buffers():
            buffer.forget()
        for queue, _ in self._queues.values():
            if isinstance(queue, StoredTimerQueue):
                queue.forget()
            else:
                queue.clear()
        self._write_back.changed_bytes = 0

    def start_snapshot(self, options: SnapshotOptions) -> RunningSnapshot[KeyedStateHandle | None]:
        for entry in self._states:
            stored_type = entry.registration.stored_type
            if stored_type is not None and stored_type.refusal is not None:
                raise stored_type.refusal
        self._restorer.forget_files()
        for queue, _ in self._queues.values():
            if isinstance(queue, StoredTimerQueue):
                queue.store_all()
        self.flush()
        if self._timers_on_heap:
            self._store_heap_timers()
        try:
            if all(column.is_empty for column in self._database.columns().values()):
                return _NothingToWrite()
            return self._native(options) if options.format == NATIVE else self._canonical(options)
        finally:
            if self._timers_on_heap:
                self._drop_heap_timers()
            for queue, _ in self._queues.values():
                if isinstance(queue, StoredTimerQueue):
                    queue.first()  # they are in memory again before a record waits for it

    def _native(self, options: SnapshotOptions) -> NativeSnapshot:
        directory = Path(tempfile.mkdtemp(prefix="snapshot-", dir=self._directory.path))
        self._database.checkpoint(directory / FILES)
        metas = [entry.registration.meta for entry in self._states]
        metas += [timers_meta(name, namespaced=queue.namespaced) for name, (queue, _) in self._queues.items()]
        meta = NativeMeta(tuple(metas), self._states.next_sequence, self._settings.max_parallelism)
        shared = options.incremental and not options.savepoint
        checkpoint_id = options.checkpoint_id

        def on_written(files: Sequence[NamedFile]) -> None:
            self._shared_files.written(checkpoint_id, files)

        return NativeSnapshot(
            directory,
            meta,
            self._settings.key_groups,
            usable={} if options.full else self._shared_files.usable(),
            shared=shared,
            threads=self._settings.configuration.get(RocksDbOptions.TRANSFER_THREADS),
            on_written=on_written,
        )

    def _canonical(self, options: SnapshotOptions) -> CanonicalSnapshot:
        views = []
        for entry in self._states:
            registration = entry.registration
            expired: Callable[[Any], bool] | None = None
            if registration.clock is not None and registration.trims_snapshots:
                horizon = registration.clock.horizon()
                expired = _expired_at(horizon)
            views.append(ColumnView(registration.meta, entry.column.scan_all(), expired))
        for name, (queue, column) in self._queues.items():
            views.append(ColumnView(timers_meta(name, namespaced=queue.namespaced), column.scan_all()))
        return CanonicalSnapshot(
            views, self._settings.key_groups, self._settings.max_parallelism, compressed=options.compressed
        )

    def _store_heap_timers(self) -> None:
        batch = self._database.new_batch()
        for queue, column in self._queues.values():
            layout = TimerLayout(self._layout, namespaced=queue.namespaced)
            for time, entry in queue.items():
                column.put(batch, *layout.encode(time, entry))
        self._database.write(batch)

    def _drop_heap_timers(self) -> None:
        batch = self._database.new_batch()
        for _, column in self._queues.values():
            column.delete_everything(batch)
        self._database.write(batch)

    def restore(self, handles: Sequence[KeyedStateHandle], reader: StateReader) -> None:
        self._forget()
        self._restorer.restore(handles, reader)
        self._forget()
        if self._timers_on_heap:
            for queue, column in self._queues.values():
                layout = TimerLayout(self._layout, namespaced=queue.namespaced)
                queue.restore(layout.decode(key, value) for key, value in column.scan_all())
            self._drop_heap_timers()

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        self._shared_files.complete(checkpoint_id)

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        self._shared_files.aborted(checkpoint_id)

    def close(self) -> None:
        try:
            self._database.close(remove=False)
        finally:
            self._memory.leave()
            self._directory.remove()


class _NothingToWrite:
    def write(self, streams: SnapshotStreams) -> KeyedStateHandle | None:
        return None

    def discard(self) -> None:
        pass


def _expired_at(horizon: int) -> Callable[[Any], bool]:
    return lambda pair: pair[1] <= horizon


def _lives(kind: str, value: bytes, horizon: int) -> bool:
    """Whether something in an entry has not expired."""
    if kind == "list":
        pairs = [thaw(decode_stored(each)) for each in elements_of(payload_of(value)[1:])]
        return any(pair[1] > horizon for pair in pairs)
    return bool(thaw(decode_stored(value))[1] > horizon)
