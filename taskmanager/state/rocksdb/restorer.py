"""Fills the database of a backend from snapshots: its own files, or files of the format that every backend writes.

Of the snapshots that are RocksDB's files, the one that the backend owns the most key groups of becomes the database:
what is not its own is deleted from it. Out of all others its key groups are copied. Values are read as what they were
declared as; when their state is declared, and differently, they are made to fit.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from millstream.common.checkpoint.streams import StateReader
from millstream.common.config import RocksDbOptions
from millstream.common.errors import StateMismatchError
from millstream.common.key_groups import KeyGroupRange
from millstream.common.typeinfo import TypeInformation
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle
from millstream.taskmanager.state.canonical_format import TIMERS, EntryBlock, StateMeta, queue_name
from millstream.taskmanager.state.canonical_reader import CanonicalReader
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.rocksdb.column import Column
from millstream.taskmanager.state.rocksdb.database import Database
from millstream.taskmanager.state.rocksdb.entries import put_block, put_timers
from millstream.taskmanager.state.rocksdb.key_layout import KeyLayout, group_start
from millstream.taskmanager.state.rocksdb.list_store import elements_of, segment_of
from millstream.taskmanager.state.rocksdb.native_snapshot import FORMAT, NativeMeta, SharedFiles, download
from millstream.taskmanager.state.rocksdb.registration import StoredType
from millstream.taskmanager.state.rocksdb.slot_memory import MemoryShare
from millstream.taskmanager.state.rocksdb.state_directory import StateDirectory, StateEntry
from millstream.taskmanager.state.rocksdb.stored_timer_queue import TimerLayout
from millstream.taskmanager.state.rocksdb.stored_value import (
    decode_stored,
    encode_stored,
    freeze,
    originals_of,
    payload_of,
    thaw,
    with_originals,
)
from millstream.taskmanager.state.stored_segment import decode_segments
from millstream.taskmanager.state.type_form import form_of

if TYPE_CHECKING:
    from rocksdict import WriteBatch

__all__ = ["Restorer", "StoredQueues"]

Item = TypeVar("Item")
StoredQueues = Callable[[str, bool], Column]
"""Gives the column family of a queue of timers, by its name and whether it has namespaces."""


class Restorer:
    """Restores one backend.

    :param directory: for files that are needed for a while only.
    """

    def __init__(
        self,
        database: Database,
        states: StateDirectory,
        queues: StoredQueues,
        shared_files: SharedFiles,
        settings: KeyedBackendSettings,
        memory: MemoryShare,
        directory: Path,
    ) -> None:
        self._database = database
        self._states = states
        self._queues = queues
        self._shared_files = shared_files
        self._settings = settings
        self._memory = memory
        self._directory = directory
        self._threads = settings.configuration.get(RocksDbOptions.TRANSFER_THREADS)
        self._batch_size = settings.configuration.get(RocksDbOptions.WRITE_BATCH_SIZE)
        self._layout = KeyLayout(settings.max_parallelism)
        # Canonical files stay until it is clear that nobody needs to read them as something else.
        self._canonical: list[tuple[Path, str]] = []

    def restore(self, handles: Sequence[KeyedStateHandle], reader: StateReader) -> None:
        """See :meth:`KeyedStateBackend.restore`. The backend holds nothing any more."""
        self.forget_files()
        own = self._settings.key_groups
        native: list[tuple[int, KeyedStateHandle]] = []
        canonical: list[KeyedStateHandle] = []
        for handle in handles:
            overlap = len(own.intersection(_range_of(handle)))
            if handle.format == FORMAT:
                native.append((overlap, handle))
            elif handle.format == "canonical":
                canonical.append(handle)
            else:
                raise StateMismatchError(
                    f"a snapshot of keyed state has the format {handle.format!r}, which this version does not know; "
                    "restore it with the version that wrote it and take a canonical savepoint"
                )
        native = [each for each in native if each[0]]
        base = self._base([handle for _, handle in sorted(native, key=lambda each: -each[0])])
        self._load(base, reader)
        restored: dict[str, StoredType] = {}
        for _, handle in native:
            if handle is not base:
                self._copy(handle, reader, restored)
        if base is not None:
            self._take_over(base, restored)
        for handle in canonical:
            if len(own.intersection(_range_of(handle))):
                self._import(handle, reader, restored)
        for name, stored_type in restored.items():
            entry = self._states.find(name)
            if entry is not None:
                if entry.registration.type_info is None:
                    entry.registration.stored_type = stored_type
                else:
                    self.bridge(entry, stored_type)

    def bridge(self, entry: StateEntry, stored_type: StoredType) -> None:
        """Make what was restored fit what the state is declared as.

        :raises MillstreamError: that cannot be.
        """
        type_info = entry.registration.type_info
        differs = type_info is not None and form_of(type_info) != stored_type.meta.value_type
        if self._canonical and (stored_type.refusal is not None or differs):
            self._write(entry.column.delete_everything)
            for path, source in self._canonical:
                with path.open("rb") as file:
                    found = CanonicalReader(file, source)
                    if entry.registration.name in found.states:
                        self._import_state(found, entry)
            return
        if stored_type.refusal is not None:
            raise stored_type.refusal
        if type_info is not None:
            convert = stored_type.conversion(type_info)
            if convert is not None:
                self._rewrite(entry, entry.registration.converter_of_entries(convert))

    def forget_files(self) -> None:
        """Remove what was kept to be read again."""
        for path, _ in self._canonical:
            shutil.rmtree(path.parent, ignore_errors=True)
        self._canonical.clear()

    def _base(self, handles: list[KeyedStateHandle]) -> KeyedStateHandle | None:
        """The handle whose files to go on with: of those given, most overlap first."""
        least = self._settings.configuration.get(RocksDbOptions.RESTORE_OVERLAP)
        for handle in handles:
            groups = _range_of(handle)
            if len(groups.intersection(self._settings.key_groups)) / len(groups) >= least:
                return handle
        return None

    def _load(self, base: KeyedStateHandle | None, reader: StateReader) -> None:
        def fill(directory: Path) -> None:
            if base is not None:
                download(base, reader, directory, self._threads)

        self._database.reload(fill)
        self._shared_files.start_from([] if base is None else base.files)

    def _take_over(self, base: KeyedStateHandle, restored: dict[str, StoredType]) -> None:
        own, groups = self._settings.key_groups, _range_of(base)
        for meta in self._metas(base, restored):
            column = self._column(meta)
            if groups.start < own.start or groups.end > own.end:
                self._clip(meta, column)

    def _clip(self, meta: StateMeta, column: Column) -> None:
        """Delete the key groups that are not the backend's own."""
        own = self._settings.key_groups
        if meta.kind != TIMERS:
            self._write(lambda batch: column.delete_range(batch, b"", group_start(own.start)))
            self._write(lambda batch: column.delete_range(batch, group_start(own.end + 1), b"\xff" * 8))
            return
        foreign = (key for key, _ in column.scan_all() if TimerLayout.group(key) not in own)
        self._write_all(foreign, column.delete)

    def _copy(self, handle: KeyedStateHandle, reader: StateReader, restored: dict[str, StoredType]) -> None:
        """Copy the backend's own key groups out of other files."""
        own = self._settings.key_groups
        directory = Path(tempfile.mkdtemp(prefix="restored-", dir=self._directory))
        try:
            download(handle, reader, directory, self._threads)
            other = Database(directory, self._settings.configuration, self._memory)
            try:
                columns = other.columns()
                for meta in self._metas(handle, restored):
                    target = self._column(meta)
                    source = columns.get(target.name)
                    if source is None:
                        continue
                    if meta.kind == TIMERS:
                        timers = (each for each in source.scan_all() if TimerLayout.group(each[0]) in own)
                        self._write_all(timers, _putter(target))
                    else:
                        entries = source.scan(group_start(own.start), group_start(own.end + 1))
                        self._write_all(entries, _putter(target))
                    source.release()
            finally:
                other.close(remove=False)
        finally:
            shutil.rmtree(directory)

    def _metas(self, handle: KeyedStateHandle, restored: dict[str, StoredType]) -> tuple[StateMeta, ...]:
        meta = NativeMeta.decode(handle.meta)
        self._check_parallelism(meta.max_parallelism)
        self._states.next_sequence = max(self._states.next_sequence, meta.next_sequence)
        source = f"RocksDB's files of the key groups {handle.first_key_group} to {handle.last_key_group}"
        for state in meta.states:
            if state.kind != TIMERS:
                self._states.restored(state, source)
                restored.setdefault(state.name, StoredType(state, source))
        return meta.states

    def _check_parallelism(self, max_parallelism: int) -> None:
        if max_parallelism != self._settings.max_parallelism:
            raise StateMismatchError(
                f"a snapshot was taken with the max parallelism {max_parallelism}, and the operator "
                f"{self._settings.operator_name!r} has {self._settings.max_parallelism} now: keys would be in other "
                f"key groups; set the max parallelism of the operator to {max_parallelism}"
            )

    def _column(self, meta: StateMeta) -> Column:
        if meta.kind == TIMERS:
            return self._queues(queue_name(meta), meta.namespaced)
        entry = self._states.find(meta.name)
        if entry is None:
            raise KeyError(meta.name)  # all were made by _metas
        return entry.column

    def _import(self, handle: KeyedStateHandle, reader: StateReader, restored: dict[str, StoredType]) -> None:
        """Read the backend's own key groups out of a canonical file."""
        path = Path(tempfile.mkdtemp(prefix="restored-", dir=self._directory)) / "keyed"
        reader.download(handle.file, path)
        source = f"the snapshot of the key groups {handle.first_key_group} to {handle.last_key_group}"
        self._canonical.append((path, source))
        with path.open("rb") as file:
            found = CanonicalReader(file, source)
            self._check_parallelism(found.max_parallelism)
            for meta in found.states.values():
                if meta.kind == TIMERS:
                    self._import_timers(found, meta)
                    continue
                entry = self._states.restored(meta, source)
                stored_type = restored.setdefault(meta.name, StoredType(meta, source))
                try:
                    self._import_state(found, entry)
                except StateMismatchError as error:
                    if entry.registration.type_info is not None:
                        raise
                    # Perhaps it can be read when it is known what the state is declared as now.
                    stored_type.refusal = error

    def _import_timers(self, found: CanonicalReader, meta: StateMeta) -> None:
        column = self._queues(queue_name(meta), meta.namespaced)
        layout = TimerLayout(self._layout, namespaced=meta.namespaced)
        for _, block in _blocks(found, self._settings.key_groups, meta.name, None):
            batch = self._database.new_batch()
            put_timers(batch, column, layout, block)
            self._database.write(batch)

    def _import_state(self, found: CanonicalReader, entry: StateEntry) -> None:
        registration = entry.registration
        blocks = _blocks(found, self._settings.key_groups, registration.name, registration.type_info)
        batch = self._database.new_batch()
        for group, block in blocks:
            put_block(batch, entry.column, group, registration.kind, block, self._states.take_sequence)
            if batch.size_in_bytes() >= self._batch_size:
                self._database.write(batch)
                batch = self._database.new_batch()
        self._database.write(batch)

    def _rewrite(self, entry: StateEntry, convert: Callable[[object], object]) -> None:
        """Convert all that is stored of a state."""
        column = entry.column

        def put(batch: WriteBatch, item: tuple[bytes, bytes]) -> None:
            key, value = item
            originals = originals_of(value)
            if entry.registration.kind == "list":
                elements = [convert(thaw(decode_stored(each))) for each in elements_of(payload_of(value)[1:])]
                data = b"\0" + segment_of([encode_stored(freeze(each)) for each in elements])
            else:
                data = encode_stored(freeze(convert(thaw(decode_stored(value)))))
            column.put(batch, key, data if originals is None else with_originals(originals, data))

        self._write_all(column.scan_all(), put)

    def _write(self, fill: Callable[[WriteBatch], None]) -> None:
        batch = self._database.new_batch()
        fill(batch)
        self._database.write(batch)

    def _write_all(self, items: Iterator[Item], put: Callable[[WriteBatch, Item], None]) -> None:
        batch = self._database.new_batch()
        for item in items:
            put(batch, item)
            if batch.size_in_bytes() >= self._batch_size:
                self._database.write(batch)
                batch = self._database.new_batch()
        self._database.write(batch)


def _putter(column: Column) -> Callable[[WriteBatch, tuple[bytes, bytes]], None]:
    return lambda batch, item: column.put(batch, *item)


def _range_of(handle: KeyedStateHandle) -> KeyGroupRange:
    return KeyGroupRange(handle.first_key_group, handle.last_key_group)


def _blocks(
    found: CanonicalReader, key_groups: KeyGroupRange, name: str, type_info: TypeInformation | None
) -> Iterator[tuple[int, EntryBlock]]:
    """Read the entries of one state."""
    for group, segment in found.segments(key_groups, {name}):
        for block in decode_segments([segment], type_info):
            yield group, block
