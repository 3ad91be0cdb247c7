"""What state backends write is read, whatever their format; what is written here they restore."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from millstream.common import Time
from millstream.common.checkpoint.file_snapshot_streams import FileSnapshotStreams
from millstream.common.checkpoint.metadata_file import read_metadata, write_metadata
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.config import Configuration, StateOptions
from millstream.common.key_groups import KeyGroupRange, key_group
from millstream.common.wire.checkpoint_pb2 import (
    CheckpointMetadata,
    KeyedStateHandle,
    OperatorState,
    OperatorSubtaskState,
)
from millstream.datastream.state import ListStateDescriptor, MapStateDescriptor, StateTtlConfig, ValueStateDescriptor
from millstream.datastream.window import TimeWindow
from millstream.state_processor import SavepointReader, SavepointWriter, StateRow
from millstream.taskmanager.state.create import create_keyed_backend
from millstream.taskmanager.state.keyed_state_backend import (
    NO_KEY,
    KeyedBackendSettings,
    KeyedStateBackend,
    NamespaceHolder,
)
from millstream.taskmanager.state.snapshot import CANONICAL, NATIVE, SnapshotOptions

_RANGES = (KeyGroupRange(0, 63), KeyGroupRange(64, 127))
_KEYS = range(200)


@dataclass
class Pair:
    left: int
    right: str


def _living() -> ValueStateDescriptor:
    descriptor = ValueStateDescriptor("living")
    descriptor.enable_time_to_live(StateTtlConfig.new_builder(Time.hours(1)).build())
    return descriptor


class _Backends:
    """One for each half of the key groups."""

    def __init__(self, kind: str, directory: Path) -> None:
        configuration = Configuration().set(StateOptions.BACKEND, kind)
        directory.mkdir()
        self.all = [
            create_keyed_backend(
                KeyedBackendSettings(
                    now_ms=lambda: 1_000_000,
                    key_groups=key_groups,
                    subtask_index=index,
                    configuration=configuration,
                    directory=directory,
                )
            )
            for index, key_groups in enumerate(_RANGES)
        ]

    def of(self, key: Any) -> KeyedStateBackend:
        [backend] = [each for each, owned in zip(self.all, _RANGES, strict=True) if key_group(key, 128) in owned]
        return backend

    def fill(self) -> None:
        holders = {id(backend): NamespaceHolder() for backend in self.all}
        for key in _KEYS:
            backend = self.of(key)
            holder = holders[id(backend)]
            backend.key = key
            states: list[Any] = [
                backend.get_state(descriptor)
                for descriptor in (
                    ValueStateDescriptor("pairs"),
                    ListStateDescriptor("list"),
                    MapStateDescriptor("map"),
                )
            ]
            states[0].update(Pair(key, str(key)))
            states[1].add_all([key, key + 1])
            states[2].put("a", key)
            living: Any = backend.get_state(_living())
            living.update(key)
            windowed: Any = backend.get_state(ValueStateDescriptor("windowed"), holder)
            for start in (0, 10):
                holder.current = TimeWindow(start, start + 10)
                windowed.update(key + start)
            backend.timers("event-time").register(key * 10, key)
        for backend in self.all:
            backend.key = NO_KEY

    def restore(self, handles: Sequence[KeyedStateHandle]) -> None:
        for backend in self.all:
            backend.restore(list(handles), SnapshotReader())

    def close(self) -> None:
        for backend in self.all:
            backend.close()


@pytest.fixture(params=["hashmap", "rocksdb"])
def backends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_Backends]:
    made = _Backends(request.param, tmp_path / "working")
    yield made
    made.close()


def _snapshot(backends: _Backends, directory: Path, options: SnapshotOptions) -> str:
    shared = str(directory / "shared") if options.incremental else ""
    streams = FileSnapshotStreams(str(directory / "chk-1"), shared, Configuration())
    state = OperatorState(operator_id="ab" * 16, name="Counter", parallelism=2, max_parallelism=128)
    for index, backend in enumerate(backends.all):
        handle = backend.start_snapshot(options).write(streams)
        assert handle is not None
        state.subtasks[index].CopyFrom(OperatorSubtaskState(keyed=[handle]))
    write_metadata(CheckpointMetadata(checkpoint_id=1, kind="CHECKPOINT", operators=[state]), streams.directory)
    return streams.directory


def _handles(path: str) -> list[KeyedStateHandle]:
    [operator] = read_metadata(path).metadata.operators
    return [handle for _, state in sorted(operator.subtasks.items()) for handle in state.keyed]


def _check(path: str) -> None:
    [operator] = SavepointReader.read(path).operators
    assert [(info.name, info.kind, info.entries) for info in operator.states] == [
        ("event-time timers", "timers", 200),
        ("list", "list", 200),
        ("living", "value", 200),
        ("map", "map", 200),
        ("pairs", "value", 200),
        ("windowed", "value", 400),
    ]
    assert [(info.name, info.kind) for info in operator.outline] == [(info.name, info.kind) for info in operator.states]

    def rows(name: str) -> list[StateRow]:
        return sorted(operator.table(name).rows(), key=lambda row: (row.key, repr(row.namespace)))

    assert rows("pairs") == [StateRow(key, Pair(key, str(key))) for key in _KEYS]
    assert rows("list") == [StateRow(key, [key, key + 1]) for key in _KEYS]
    assert rows("map") == [StateRow(key, {"a": key}) for key in _KEYS]
    assert rows("living") == [StateRow(key, key, written_ms=1_000_000) for key in _KEYS]
    assert rows("event-time timers") == [StateRow(key, key * 10) for key in _KEYS]
    assert rows("windowed") == [
        StateRow(key, key + start, TimeWindow(start, start + 10)) for key in _KEYS for start in (0, 10)
    ]


@pytest.mark.parametrize(
    "options",
    [
        SnapshotOptions(1, CANONICAL),
        SnapshotOptions(1, CANONICAL, compressed=True),
        SnapshotOptions(1, NATIVE, full=True),
        SnapshotOptions(1, NATIVE, incremental=True),
    ],
    ids=["canonical", "compressed", "native", "incremental"],
)
def test_snapshots_of_backends_are_read(backends: _Backends, tmp_path: Path, options: SnapshotOptions) -> None:
    backends.fill()
    path = _snapshot(backends, tmp_path / "job", options)
    _check(path)
    copied = SavepointWriter.from_existing(path).write(str(tmp_path / "copy"))
    _check(copied)
    assert all(
        "/copy/" in file.bytes.path or not file.bytes.path for handle in _handles(copied) for file in handle.files
    )
    changed = SavepointWriter.from_existing(copied)
    [operator] = SavepointReader.read(copied).operators
    changed.with_keyed_state(operator.identifier, ValueStateDescriptor("added"), [(1, "one")])
    path = changed.write(str(tmp_path / "changed"))
    [operator] = SavepointReader.read(path).operators
    assert [(row.key, row.value) for row in operator.table("added").rows()] == [(1, "one")]
    assert sum(1 for _ in operator.table("windowed").rows()) == 400


def test_backends_restore_what_is_written(backends: _Backends, tmp_path: Path) -> None:
    writer = SavepointWriter.new_savepoint()
    writer.with_keyed_state("op", ValueStateDescriptor("pairs"), [(key, Pair(key, str(key))) for key in _KEYS])
    writer.with_keyed_state("op", ListStateDescriptor("list"), [(key, [key, key + 1]) for key in _KEYS])
    writer.with_keyed_state("op", MapStateDescriptor("map"), [(key, {"a": key}) for key in _KEYS])
    writer.with_keyed_state("op", _living(), [StateRow(key, key, written_ms=1_000_000) for key in _KEYS])
    windowed = [StateRow(key, key + start, TimeWindow(start, start + 10)) for key in _KEYS for start in (0, 10)]
    writer.with_keyed_state("op", ValueStateDescriptor("windowed"), windowed)
    writer.with_timers("op", [(key, key * 10) for key in _KEYS])
    path = writer.write(str(tmp_path / "savepoint"))
    _check(path)
    backends.restore(_handles(path))
    for key in _KEYS:
        backend = backends.of(key)
        backend.key = key
        value: Any = backend.get_state(ValueStateDescriptor("pairs"))
        assert value.value() == Pair(key, str(key))
        listed: Any = backend.get_state(ListStateDescriptor("list"))
        assert list(listed.get()) == [key, key + 1]
        mapped: Any = backend.get_state(MapStateDescriptor("map"))
        assert dict(mapped.items()) == {"a": key}
        living: Any = backend.get_state(_living())
        assert living.value() == key
        holder = NamespaceHolder()
        holder.current = TimeWindow(10, 20)
        in_window: Any = backend.get_state(ValueStateDescriptor("windowed"), holder)
        assert in_window.value() == key + 10
    timers = [timer for backend in backends.all for timer in backend.timers("event-time").pop_due(10_000)]
    assert sorted(timers) == [(key * 10, key) for key in _KEYS]
    again = _snapshot(backends, tmp_path / "again", SnapshotOptions(1, CANONICAL))
    assert sum(1 for _ in SavepointReader.read(again).operators[0].table("pairs").rows()) == 200
