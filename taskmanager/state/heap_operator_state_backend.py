"""State without keys, as lists and dicts in the worker's memory.

What was restored stays in bytes until it is asked for, since only then it is known what type it has now. What nobody
asks for is put into the next snapshots as it is, so that a later version of the program may find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from millstream.common.checkpoint.streams import SnapshotStreams, StateReader
from millstream.common.errors import MillstreamError, StateMismatchError
from millstream.common.typeinfo import TypeInformation
from millstream.common.wire.checkpoint_pb2 import OperatorStateHandle
from millstream.datastream.state import (
    BroadcastState,
    ListState,
    ListStateDescriptor,
    MapStateDescriptor,
    StateDescriptor,
)
from millstream.taskmanager.state.canonical_format import OPERATOR, StateMeta
from millstream.taskmanager.state.heap_broadcast_state import HeapBroadcastState
from millstream.taskmanager.state.heap_cell import HeapCell
from millstream.taskmanager.state.heap_list_state import HeapListState
from millstream.taskmanager.state.held_values import held_values
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode
from millstream.taskmanager.state.operator_state_format import (
    BROADCAST,
    LIST,
    StoredItems,
    items_of_handle,
    pack_items,
    pickle_items,
)
from millstream.taskmanager.state.snapshot import RunningSnapshot, SnapshotOptions
from millstream.taskmanager.state.state_clash import check_same_type
from millstream.taskmanager.state.type_form import form_of

__all__ = ["HeapOperatorStateBackend"]


@dataclass(slots=True)
class _Entry:
    """One state.

    :ivar kind: as in its meta.
    :ivar values: the elements, or items.
    :ivar map: of a broadcast state.
    :ivar stored: what was restored and not asked for yet.
    """

    mode: OperatorStateMode
    kind: str
    type_info: TypeInformation | None = None
    state: Any = None
    values: list[Any] = field(default_factory=list)
    map: dict[Any, Any] = field(default_factory=dict)
    stored: list[StoredItems] = field(default_factory=list)
    asked: bool = False


class HeapOperatorStateBackend:
    """Implements :class:`~millstream.taskmanager.state.operator_state_backend.OperatorStateBackend`."""

    def __init__(self, settings: KeyedBackendSettings) -> None:
        self._settings = settings
        self._entries: dict[str, _Entry] = {}

    def get_list_state(
        self, descriptor: ListStateDescriptor, mode: OperatorStateMode = OperatorStateMode.SPLIT
    ) -> ListState[Any]:
        _check_descriptor(descriptor, ListStateDescriptor)
        entry = self._entry(descriptor, mode, LIST)
        if entry.state is None:
            entry.state = HeapListState(_cell_of(entry))
        state: ListState[Any] = entry.state
        return state

    def get_broadcast_state(self, descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        _check_descriptor(descriptor, MapStateDescriptor)
        entry = self._entry(descriptor, OperatorStateMode.BROADCAST, BROADCAST)
        if entry.state is None:
            entry.state = HeapBroadcastState(entry.map)
        state: BroadcastState[Any, Any] = entry.state
        return state

    def put_items(self, name: str, items: Sequence[Any], mode: OperatorStateMode = OperatorStateMode.SPLIT) -> None:
        entry = self._entries.get(name)
        if entry is None or entry.kind != OPERATOR:
            entry = self._entries[name] = _Entry(mode, OPERATOR)
        entry.mode = mode
        entry.values = list(items)
        entry.stored = []
        entry.asked = True

    def items(self, name: str) -> list[Any] | None:
        entry = self._entries.get(name)
        if entry is None:
            return None
        if not entry.asked:
            entry.values = [item for stored in entry.stored for item in stored.unpickled()]
            entry.stored = []
            entry.asked = True
        return list(entry.values)

    def _entry(self, descriptor: StateDescriptor, mode: OperatorStateMode, kind: str) -> _Entry:
        name = descriptor.get_name()
        if descriptor.get_ttl_config() is not None:
            raise MillstreamError(
                f"state {name!r} belongs to no key, so that it cannot have a time to live; leave it out"
            )
        entry = self._entries.get(name)
        if entry is None:
            entry = self._entries[name] = _Entry(mode, kind)
        if (entry.mode, entry.kind) != (mode, kind):
            raise StateMismatchError(
                f"state {name!r} is {_described(entry.mode, entry.kind)} already and cannot be "
                f"{_described(mode, kind)} as well; give the second one a name of its own"
            )
        check_same_type(name, entry.type_info, descriptor.type_info)
        entry.type_info = entry.type_info or descriptor.type_info
        entry.asked = True
        _load(entry)
        return entry

    def start_snapshot(self, options: SnapshotOptions) -> RunningSnapshot[Sequence[OperatorStateHandle]]:
        return _Held([_held(name, entry) for name, entry in self._entries.items()])

    def restore(self, handles: Sequence[OperatorStateHandle], reader: StateReader) -> None:
        for entry in self._entries.values():
            entry.values.clear()
            entry.map.clear()
            entry.stored = []
        for handle in handles:
            mode = OperatorStateMode(handle.mode)
            stored = items_of_handle(handle, reader.read(handle.bytes))
            if handle.name not in self._entries:
                self._entries[handle.name] = _Entry(mode, stored.meta.kind)
            entry = self._entries[handle.name]
            if (entry.mode, entry.kind) != (mode, stored.meta.kind):
                raise StateMismatchError(
                    f"state {handle.name.strip()!r} is {_described(mode, stored.meta.kind)} in the snapshot and "
                    f"{_described(entry.mode, entry.kind)} in the program; give the new one another name"
                )
            if mode is not OperatorStateMode.BROADCAST or not entry.stored:  # all of these are the same
                entry.stored.append(stored)
        for entry in self._entries.values():
            if entry.kind == OPERATOR:
                entry.asked = False
            elif entry.asked:
                _load(entry)


def _load(entry: _Entry) -> None:
    stored, entry.stored = entry.stored, []
    for each in stored:
        for value in each.values(entry.type_info):
            if entry.kind == LIST:
                entry.values.extend(value)
            else:
                entry.map.update(value)


def _cell_of(entry: _Entry) -> HeapCell:
    def put(values: list[Any]) -> None:
        entry.values = values

    def remove() -> None:
        entry.values = []

    return HeapCell(lambda: entry.values or None, put, remove)


def _check_descriptor(descriptor: object, expected: type[StateDescriptor]) -> None:
    if not isinstance(descriptor, expected):
        raise MillstreamError(f"state of this kind is described by a {expected.__name__}, not by {descriptor!r}")


def _described(mode: OperatorStateMode, kind: str) -> str:
    if kind == BROADCAST:
        return "broadcast state"
    if kind == OPERATOR:
        return "the operator's own state"
    return "union list state" if mode is OperatorStateMode.UNION else "list state"


@dataclass(frozen=True, slots=True)
class _HeldState:
    """One state as it was: items in bytes, or values that are still to be packed."""

    meta: StateMeta
    mode: OperatorStateMode
    held: StoredItems | list[Any]

    def packed(self) -> StoredItems:
        if isinstance(self.held, StoredItems):
            return self.held
        return (pickle_items if self.meta.kind == OPERATOR else pack_items)(self.meta, self.held)


def _held(name: str, entry: _Entry) -> _HeldState:
    meta = StateMeta(name, entry.kind, value_type=form_of(entry.type_info))
    if entry.stored:
        return _HeldState(meta, entry.mode, _joined(entry.stored))
    if entry.kind == OPERATOR:
        return _HeldState(meta, entry.mode, entry.values)  # nobody changes these, nor the list
    if entry.kind == LIST:
        elements = held_values(entry.values)
        if elements is not None:
            return _HeldState(meta, entry.mode, [[element] for element in elements])
        return _HeldState(meta, entry.mode, pack_items(meta, [[element] for element in entry.values]))
    values = held_values(entry.map.values())
    if values is not None:
        return _HeldState(meta, entry.mode, [dict(zip(entry.map, values, strict=True))])
    return _HeldState(meta, entry.mode, pack_items(meta, [entry.map]))


def _joined(stored: list[StoredItems]) -> StoredItems:
    """What nobody has asked for, as one list."""
    items = [item for each in stored for item in each.items]
    schemas = {id_: schema for each in stored for id_, schema in each.schemas.items()}
    return StoredItems(stored[0].meta, items, schemas)


class _Held:
    def __init__(self, states: list[_HeldState]) -> None:
        self._states = states

    def write(self, streams: SnapshotStreams) -> list[OperatorStateHandle]:
        return [self._write(state, state.packed(), streams) for state in self._states]

    @staticmethod
    def _write(state: _HeldState, packed: StoredItems, streams: SnapshotStreams) -> OperatorStateHandle:
        header = packed.header()
        handle = OperatorStateHandle(name=state.meta.name, mode=state.mode.value)
        offset = len(header)
        for item in packed.items:
            handle.offsets.append(offset)
            handle.lengths.append(len(item))
            offset += len(item)
        handle.bytes.CopyFrom(streams.write("operator", [header, *packed.items]))
        return handle

    def discard(self) -> None:
        self._states = []
