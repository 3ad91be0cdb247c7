"""State without keys, as lists and dicts in the worker's memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from millstream.common.checkpoint.streams import SnapshotStreams, StateReader
from millstream.common.wire.checkpoint_pb2 import OperatorStateHandle
from millstream.datastream.state import BroadcastState, ListState, ListStateDescriptor, MapStateDescriptor
from millstream.taskmanager.state.heap_broadcast_state import HeapBroadcastState
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode
from millstream.taskmanager.state.snapshot import RunningSnapshot, SnapshotOptions
from millstream.taskmanager.state.state_pickle import dump_state, load_state

__all__ = ["HeapOperatorStateBackend"]


class HeapOperatorStateBackend:
    """Implements :class:`~millstream.taskmanager.state.operator_state_backend.OperatorStateBackend`."""

    def __init__(self, settings: KeyedBackendSettings) -> None:
        self._settings = settings
        self._items: dict[str, tuple[OperatorStateMode, list[Any]]] = {}

    def get_list_state(
        self, descriptor: ListStateDescriptor, mode: OperatorStateMode = OperatorStateMode.SPLIT
    ) -> ListState[Any]:
        raise NotImplementedError

    def get_broadcast_state(self, descriptor: MapStateDescriptor) -> BroadcastState[Any, Any]:
        _, maps = self._items.setdefault(descriptor.get_name(), (OperatorStateMode.BROADCAST, [{}]))
        return HeapBroadcastState(maps[0])

    def put_items(self, name: str, items: Sequence[Any], mode: OperatorStateMode = OperatorStateMode.SPLIT) -> None:
        self._items[name] = mode, list(items)

    def items(self, name: str) -> list[Any] | None:
        found = self._items.get(name)
        return None if found is None else found[1]

    def start_snapshot(self, options: SnapshotOptions) -> RunningSnapshot[Sequence[OperatorStateHandle]]:
        return _Held(
            {name: (mode, [dump_state(item) for item in items]) for name, (mode, items) in self._items.items()}
        )

    def restore(self, handles: Sequence[OperatorStateHandle], reader: StateReader) -> None:
        self._items.clear()
        for handle in handles:
            data = reader.read(handle.bytes)
            _, items = self._items.setdefault(handle.name, (OperatorStateMode(handle.mode), []))
            items.extend(
                load_state(data[offset : offset + length])
                for offset, length in zip(handle.offsets, handle.lengths, strict=True)
            )


class _Held:
    def __init__(self, items: dict[str, tuple[OperatorStateMode, list[bytes]]]) -> None:
        self._items = items

    def write(self, streams: SnapshotStreams) -> list[OperatorStateHandle]:
        handles = []
        for name, (mode, items) in self._items.items():
            handle = OperatorStateHandle(name=name, mode=mode.value, bytes=streams.write("operator", items))
            offset = 0
            for item in items:
                handle.offsets.append(offset)
                handle.lengths.append(len(item))
                offset += len(item)
            handles.append(handle)
        return handles

    def discard(self) -> None:
        pass
