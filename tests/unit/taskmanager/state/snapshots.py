"""Takes snapshots of backends into memory, and restores others from them."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.config import Configuration
from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle
from millstream.taskmanager.state.canonical_format import EntryBlock, StateMeta
from millstream.taskmanager.state.canonical_reader import CanonicalReader
from millstream.taskmanager.state.canonical_writer import write_canonical
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.snapshot import SnapshotOptions

ALL = KeyGroupRange(0, 127)


def heap(
    key_groups: KeyGroupRange = ALL, *, max_parallelism: int = 128, own_process: bool = False, fork: bool = True
) -> HeapKeyedStateBackend:
    """A backend; with a process of its own it forks for large snapshots."""
    configuration = Configuration.from_map({"state.backend.heap.snapshot.fork": str(fork).lower()})
    settings = KeyedBackendSettings(
        key_groups=key_groups, max_parallelism=max_parallelism, own_process=own_process, configuration=configuration
    )
    return HeapKeyedStateBackend(settings.now_ms, settings)


def snapshot(backend: HeapKeyedStateBackend, *, compressed: bool = False) -> KeyedStateHandle:
    """What a checkpoint would hold of a backend that has state."""
    handle = backend.start_snapshot(SnapshotOptions(compressed=compressed)).write(MemorySnapshotStreams(1 << 40))
    assert handle is not None
    return handle


def restored(handles: Sequence[KeyedStateHandle], key_groups: KeyGroupRange = ALL) -> HeapKeyedStateBackend:
    """A new backend that goes on from snapshots."""
    backend = heap(key_groups)
    backend.restore(handles, SnapshotReader())
    return backend


def file_of(metas: Sequence[StateMeta], blocks: Sequence[tuple[int, EntryBlock]], *, compressed: bool = False) -> bytes:
    """A canonical file of these entries, which have the key groups that are said."""
    groups: dict[int, list[EntryBlock]] = {}
    for group, block in blocks:
        groups.setdefault(group, []).append(block)
    return b"".join(write_canonical(metas, ALL, 128, sorted(groups.items()), compressed=compressed))


def entries_of(data: bytes, types: Any = None, key_groups: KeyGroupRange = ALL) -> list[tuple[int, str, Any, Any, Any]]:
    """Key group, state, namespace, key and value of all entries of a canonical file."""
    reader = CanonicalReader(BytesIO(data), "the file")
    return [
        (group, block.state, block.namespace, key, value)
        for group, block in reader.blocks(key_groups, types)
        for key, value in zip(block.keys, block.values, strict=True)
    ]
