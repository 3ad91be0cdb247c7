"""What the tests of this backend have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.config import Configuration
from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings, KeyedStateBackend
from millstream.taskmanager.state.rocksdb.rocksdb_keyed_state_backend import RocksDbKeyedStateBackend
from millstream.taskmanager.state.snapshot import CANONICAL, SnapshotOptions

MAX_PARALLELISM = 8
ALL = KeyGroupRange(0, MAX_PARALLELISM - 1)


def settings(
    directory: Path,
    groups: KeyGroupRange = ALL,
    now_ms: Callable[[], int] = lambda: 0,
    options: dict[str, str] | None = None,
) -> KeyedBackendSettings:
    configuration = Configuration.from_map({"state.backend.rocksdb.memory.fixed-per-slot": "16mb", **(options or {})})
    return KeyedBackendSettings(
        now_ms=now_ms,
        key_groups=groups,
        max_parallelism=MAX_PARALLELISM,
        configuration=configuration,
        directory=directory,
    )


@contextmanager
def backend(
    directory: Path,
    groups: KeyGroupRange = ALL,
    now_ms: Callable[[], int] = lambda: 0,
    options: dict[str, str] | None = None,
) -> Iterator[RocksDbKeyedStateBackend]:
    made = RocksDbKeyedStateBackend(settings(directory, groups, now_ms, options))
    try:
        yield made
    finally:
        made.close()


def snapshot_of(of: KeyedStateBackend, snapshot_format: str = CANONICAL, **options: Any) -> list[KeyedStateHandle]:
    """Snapshot it; no handle if there is nothing."""
    running = of.start_snapshot(SnapshotOptions(format=snapshot_format, **options))
    handle = running.write(MemorySnapshotStreams(1 << 30))
    return [] if handle is None else [handle]
