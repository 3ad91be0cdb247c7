"""Keyed state as dicts in the worker's memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from millstream.common.checkpoint.streams import StateReader
from millstream.common.config import StateOptions
from millstream.common.errors import StateMismatchError
from millstream.common.typeinfo import TypeInformation
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle
from millstream.datastream.state import State, StateDescriptor
from millstream.taskmanager.state.canonical_format import OPERATOR, TIMERS, EntryBlock, StateMeta, queue_name
from millstream.taskmanager.state.forked_stream import can_fork
from millstream.taskmanager.state.heap_cell import key_cell, namespace_cell
from millstream.taskmanager.state.heap_image import HeapImage, ImageTable, image_of_table, image_of_timers
from millstream.taskmanager.state.heap_snapshot import start_heap_snapshot
from millstream.taskmanager.state.heap_state_kind import create_state, kind_of, stored_merger, trimmer_of
from millstream.taskmanager.state.heap_table import HeapTable
from millstream.taskmanager.state.heap_value_state import HeapValueState
from millstream.taskmanager.state.incremental_cleanup import IncrementalCleanup, cleaning_cell
from millstream.taskmanager.state.keyed_state_backend import (
    NO_KEY,
    KeyedBackendSettings,
    KeyedStateBackend,
    KeyedTable,
    NamespaceHolder,
)
from millstream.taskmanager.state.restored_states import RestoredStates
from millstream.taskmanager.state.snapshot import RunningSnapshot, SnapshotOptions
from millstream.taskmanager.state.state_clash import check_same_state
from millstream.taskmanager.state.timer_queue import TimerQueue
from millstream.taskmanager.state.ttl_clock import TtlClock
from millstream.taskmanager.state.type_form import form_of

__all__ = ["HeapKeyedStateBackend"]

_MOST_ASKED = 64
"""A function that makes a descriptor anew each time must not fill the memory with them."""


@dataclass(slots=True)
class _Registration:
    """What is known of a state from its descriptor, or from a snapshot (then without a type)."""

    kind: str
    expires: bool
    type_info: TypeInformation | None = None
    clock: TtlClock | None = None
    trim: Callable[[Any, int], Any] | None = None
    trim_snapshots: bool = False
    cleanup: IncrementalCleanup | None = None


class HeapKeyedStateBackend(KeyedStateBackend):
    """Holds each state in a :class:`HeapTable` of its name.

    A state of values needs no object per key beyond the value: the table's dict is all there is.
    """

    in_memory = True

    def __init__(self, now_ms: Callable[[], int], settings: KeyedBackendSettings | None = None) -> None:
        """:param now_ms: the processing time, by which state expires."""
        self.key: Any = NO_KEY
        self._settings = settings if settings is not None else KeyedBackendSettings(now_ms)
        self._now_ms = now_ms
        self._tables: dict[str, HeapTable] = {}
        self._timers: dict[str, TimerQueue] = {}
        self._registrations: dict[str, _Registration] = {}
        self._states: dict[tuple[str, NamespaceHolder | None], State] = {}
        # Triggers, assigners and window functions ask for their states with every record, by the same descriptors.
        self._asked: dict[tuple[int, NamespaceHolder | None], tuple[StateDescriptor, State]] = {}
        self._every_record: list[IncrementalCleanup] = []
        self._restored = RestoredStates()

    def table(self, name: str) -> HeapTable:
        """Return the table with this name, a new one if there is none. Snapshots contain it."""
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = HeapTable(name)
        if name in self._restored:
            self._claim(name)
        return table

    def get_state(self, descriptor: StateDescriptor, namespace: NamespaceHolder | None = None) -> State:
        asked = self._asked.get((id(descriptor), namespace))
        if asked is not None and asked[0] is descriptor:
            return asked[1]
        registration = self._register(descriptor)
        name = descriptor.get_name()
        if name in self._restored:
            self._claim(name)
        state = self._states.get((name, namespace))
        if state is None:
            state = self._states[name, namespace] = self._create(descriptor, registration, namespace)
        if len(self._asked) >= _MOST_ASKED:
            self._asked.clear()
        self._asked[id(descriptor), namespace] = descriptor, state
        return state

    def _create(
        self, descriptor: StateDescriptor, registration: _Registration, namespace: NamespaceHolder | None
    ) -> State:
        table = self.table(descriptor.get_name())
        if registration.kind == "value" and registration.clock is None and namespace is None:
            return HeapValueState(self, table)
        cell = key_cell(self, table) if namespace is None else namespace_cell(self, table, namespace)
        if registration.cleanup is not None:
            cell = cleaning_cell(cell, registration.cleanup)
        return create_state(descriptor, cell, registration.clock)

    def _register(self, descriptor: StateDescriptor) -> _Registration:
        kind = kind_of(descriptor)
        name = descriptor.get_name()
        config = descriptor.get_ttl_config()
        known = self._registrations.get(name) or self._restored_registration(name)
        if known is not None:
            check_same_state(name, known.kind, known.type_info, known.expires, descriptor)
            if known.clock is not None or config is None:
                known.type_info = known.type_info or descriptor.type_info
                return known
        registration = _Registration(kind, config is not None, descriptor.type_info)
        self._registrations[name] = registration
        if config is not None:
            cleanups = config.get_cleanup_strategies()
            registration.clock = TtlClock(config, self._now_ms)
            registration.trim = trimmer_of(descriptor)
            registration.trim_snapshots = cleanups.in_full_snapshot()
            incremental = cleanups.get_incremental_cleanup_strategy()
            if incremental is not None and incremental.get_cleanup_size():
                table = self.table(name)
                size = incremental.get_cleanup_size()
                registration.cleanup = IncrementalCleanup(table, registration.clock, registration.trim, size)
                if incremental.run_cleanup_for_every_record():
                    self._every_record.append(registration.cleanup)
        return registration

    def timers(self, name: str, *, namespaced: bool | None = None) -> TimerQueue:
        queue = self._timers.get(name)
        if queue is None:
            queue = self._timers[name] = TimerQueue()
        if namespaced is not None:
            queue.namespaced = namespaced
        return queue

    def timers_fired(self) -> int:
        return sum(queue.fired for queue in self._timers.values())

    def merge_namespaces(self, descriptor: StateDescriptor, target: Hashable, sources: Iterable[Hashable]) -> None:
        merge = stored_merger(descriptor, self._register(descriptor).clock)
        table = self.table(descriptor.get_name())
        key = self.key
        merged: Any = None
        for source in sources:
            values = table.namespaces.get(source)
            stored = None if values is None or source == target else values.get(key)
            if stored is not None:
                table.remove(source, key)
                merged = stored if merged is None else merge(merged, stored)
        if merged is not None:
            values = table.of_namespace(target)
            stored = values.get(key)
            values[key] = merged if stored is None else merge(stored, merged)

    def keys(self, name: str, namespace: Hashable = None) -> list[Any]:
        table = self._known_table(name)
        values = {} if table is None else table.namespaces.get(namespace, {})
        registration = self._registrations.get(name)
        if registration is None or registration.clock is None or registration.trim is None:
            return list(values)
        trim, horizon = registration.trim, registration.clock.horizon()
        return [key for key, stored in values.items() if trim(stored, horizon) is not None]

    def _known_table(self, name: str) -> HeapTable | None:
        return self.table(name) if name in self._restored else self._tables.get(name)

    def keys_and_namespaces(self, name: str) -> Iterator[tuple[Any, Hashable]]:
        table = self._known_table(name)
        for namespace, values in ({} if table is None else table.namespaces).items():
            for key in values:
                yield key, namespace

    def clean_up_for_records(self, count: int) -> None:
        """Make the steps of cleaning up that are due for ``count`` records, where a state asks for that."""
        for cleanup in self._every_record:
            cleanup.step(count)

    def forget_keys(self) -> None:
        """Remove all state and timers; state objects stay usable."""
        self._restored.clear()
        for table in self._tables.values():
            table.clear()
        for queue in self._timers.values():
            queue.clear()

    def value_table(self, name: str) -> KeyedTable:
        return self.table(name)

    def start_snapshot(self, options: SnapshotOptions) -> RunningSnapshot[KeyedStateHandle | None]:
        tables = [self._image(table) for table in self._tables.values()]
        tables += [image_of_timers(name, queue) for name, queue in self._timers.items()]
        image = HeapImage(
            tuple(table for table in tables if table.count()),
            self._restored.by_group(),
            self._settings.key_groups,
            self._settings.max_parallelism,
        )
        fork = self._settings.own_process and can_fork() and self._settings.configuration.get(StateOptions.HEAP_FORK)
        return start_heap_snapshot(image, fork=fork, compressed=options.compressed)

    def _image(self, table: HeapTable) -> ImageTable:
        registration = self._registrations.get(table.name, _Registration("", False))
        trim = None
        if registration.trim_snapshots and registration.clock is not None and registration.trim is not None:
            trim = partial(_trimmed, registration.trim, registration.clock.horizon())
        kind, form = registration.kind or OPERATOR, form_of(registration.type_info)
        return image_of_table(table, kind, form, expires=registration.expires, trim=trim)

    def restore(self, handles: Sequence[KeyedStateHandle], reader: StateReader) -> None:
        """Go on from handles; see :meth:`KeyedStateBackend.restore`.

        State that is known by a descriptor already, the operator's tables and timers are decoded now, all other when it
        is asked for: only then it is known what its values are now.
        """
        self.forget_keys()
        self._restored.add(handles, reader, self._settings.key_groups, self._settings.max_parallelism)
        for name in self._restored.names():
            for meta in self._restored.metas(name):
                if meta.kind == TIMERS:
                    self._load_timers(meta)
                    break
            else:
                if name in self._tables:
                    self._claim(name)

    def _restored_registration(self, name: str) -> _Registration | None:
        """What a snapshot says of a state."""
        for meta in self._restored.metas(name):
            if meta.kind != OPERATOR:
                known = self._registrations[name] = _Registration(meta.kind, meta.expires)
                return known
        return None

    def _claim(self, name: str) -> None:
        """Decode what was restored of a state."""
        registration = self._registrations.get(name)
        for meta in self._restored.metas(name):
            if registration is not None and registration.kind and meta.kind != OPERATOR:
                _check_restored(meta, registration)
        registration = registration or self._restored_registration(name)
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = HeapTable(name)
        blocks = self._restored.take(name, None if registration is None else registration.type_info)
        kind = "" if registration is None else registration.kind
        for block in blocks:
            values = table.of_namespace(block.namespace)
            if kind in ("list", "map") and not _are_new(block.keys, values):
                _merge_parts(values, block)
            else:
                values.update(zip(block.keys, block.values, strict=True))

    def _load_timers(self, meta: StateMeta) -> None:
        queue = self.timers(queue_name(meta), namespaced=meta.namespaced)
        for block in self._restored.take(meta.name, None):
            queue.restore(zip(block.values, block.keys, strict=True))


def _trimmed(trim: Callable[[Any, int], Any], horizon: int, stored: Any) -> Any:
    return trim(stored, horizon)


def _check_restored(meta: StateMeta, registration: _Registration) -> None:
    if (meta.kind, meta.expires) != (registration.kind, registration.expires):
        stored, now = (
            f"{kind} state {'with' if expires else 'without'} a time to live"
            for kind, expires in ((meta.kind, meta.expires), (registration.kind, registration.expires))
        )
        raise StateMismatchError(
            f"state {meta.name!r} is {stored} in the snapshot and {now} in the program; use the same descriptor, or "
            "another name"
        )


def _are_new(keys: list[Any], values: dict[Any, Any]) -> bool:
    return values.keys().isdisjoint(keys) and len(set(keys)) == len(keys)


def _merge_parts(values: dict[Any, Any], block: EntryBlock) -> None:
    """Add lists and dicts that come in parts."""
    for key, part in zip(block.keys, block.values, strict=True):
        known = values.get(key)
        if known is None:
            values[key] = part
        elif isinstance(known, dict):
            known.update(part)
        else:
            known.extend(part)
