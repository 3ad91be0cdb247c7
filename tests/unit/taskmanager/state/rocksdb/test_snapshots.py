"""Native snapshots: what incremental ones upload and refer to, and that nothing stays behind."""

from __future__ import annotations

import gc
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.errors import MillstreamError
from millstream.common.key_groups import KeyGroupRange
from millstream.common.typeinfo import Types
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle
from millstream.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.rocksdb.rocksdb_keyed_state_backend import RocksDbKeyedStateBackend
from millstream.taskmanager.state.snapshot import CANONICAL, NATIVE, SnapshotOptions
from tests.unit.taskmanager.state.rocksdb.support import backend, settings, snapshot_of

VALUE = ValueStateDescriptor("value", Types.LONG())
VALUE_OF_ANY = ValueStateDescriptor("any")
READER = SnapshotReader()


def _fill(of: RocksDbKeyedStateBackend, keys: range, value: int) -> None:
    state: Any = of.get_state(VALUE)
    for key in keys:
        of.key = key
        state.update(value)


def _values(of: RocksDbKeyedStateBackend) -> dict[Any, Any]:
    state: Any = of.get_state(VALUE)
    found = {}
    for key in of.keys("value"):
        of.key = key
        found[key] = state.value()
    return found


def _native(of: RocksDbKeyedStateBackend, checkpoint_id: int, **options: Any) -> KeyedStateHandle:
    [handle] = snapshot_of(of, NATIVE, checkpoint_id=checkpoint_id, incremental=True, **options)
    return handle


def _sst_files(handle: KeyedStateHandle) -> set[str]:
    return {file.name for file in handle.files if file.shared}


def test_an_incremental_checkpoint_uploads_what_has_changed(tmp_path: Path) -> None:
    with backend(tmp_path) as of:
        _fill(of, range(20_000), 1)
        first = _native(of, 1)
        assert first.new_size == first.full_size
        of.notify_checkpoint_complete(1)
        _fill(of, range(0, 20_000, 100), 2)
        second = _native(of, 2)
        assert _sst_files(first) < _sst_files(second)
        assert second.new_size * 10 < second.full_size
        of.notify_checkpoint_complete(2)
        expected = _values(of)
    with backend(tmp_path) as restored:
        restored.restore([second], READER)
        assert _values(restored) == expected


def test_files_of_checkpoints_that_are_not_complete_are_not_referred_to(tmp_path: Path) -> None:
    with backend(tmp_path) as of:
        _fill(of, range(1_000), 1)
        first = _native(of, 1)
        second = _native(of, 2)
        assert second.new_size == second.full_size
        of.notify_checkpoint_aborted(2)
        of.notify_checkpoint_complete(1)
        _fill(of, range(10), 2)
        third = _native(of, 3)
        assert third.new_size < third.full_size
        by_name = {file.name: file for file in first.files if file.shared}
        assert all(file == by_name[file.name] for file in third.files if file.name in by_name)
        full = _native(of, 4, full=True)
        assert full.new_size == full.full_size
        savepoint = _native(of, 5, savepoint=True)
        assert savepoint.new_size == savepoint.full_size
        assert not any(file.shared for file in savepoint.files)
        of.notify_checkpoint_complete(5)
        assert _native(of, 6).new_size < full.full_size  # a savepoint's files are not there to be referred to


def test_a_checkpoint_after_a_restore_refers_to_the_files_it_was_restored_from(tmp_path: Path) -> None:
    with backend(tmp_path) as of:
        _fill(of, range(5_000), 1)
        first = _native(of, 1)
    with backend(tmp_path) as restored:
        restored.restore([first], READER)
        _fill(restored, range(5), 2)
        second = _native(restored, 2)
        assert _sst_files(first) < _sst_files(second)
        assert second.new_size < second.full_size


def test_changes_after_the_barrier_are_not_in_the_snapshot(tmp_path: Path) -> None:
    for snapshot_format in (NATIVE, CANONICAL):
        with backend(tmp_path) as of:
            _fill(of, range(100), 1)
            of.timers("t").register(5, 1)
            running = of.start_snapshot(SnapshotOptions(format=snapshot_format))
            _fill(of, range(200), 2)
            of.timers("t").delete(5, 1)
            of.flush()

            handle = running.write(MemorySnapshotStreams())
            assert handle is not None
        with backend(tmp_path) as restored:
            restored.restore([handle], READER)
            assert _values(restored) == dict.fromkeys(range(100), 1)
            assert list(restored.timers("t").items()) == [(5, 1)]


def test_nothing_to_snapshot(tmp_path: Path) -> None:
    for snapshot_format in (NATIVE, CANONICAL):
        with backend(tmp_path) as of:
            of.get_state(VALUE)
            of.timers("t")
            assert snapshot_of(of, snapshot_format) == []
            of.restore([], READER)
            assert _values(of) == {}


def test_no_file_and_no_descriptor_stays(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    of = RocksDbKeyedStateBackend(settings(tmp_path))
    _fill(of, range(1_000), 1)
    state = of.get_state(VALUE)
    discarded = of.start_snapshot(SnapshotOptions(format=NATIVE))
    discarded.discard()
    discarded.discard()
    view = of.start_snapshot(SnapshotOptions(format=CANONICAL))
    view.discard()
    handle = _native(of, 3)
    of.restore([handle], READER)
    [directory] = tmp_path.iterdir()
    assert sorted(path.name for path in directory.iterdir()) == ["db", "owner.lock"]
    of.close()
    assert list(tmp_path.iterdir()) == []
    gc.collect()
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(RuntimeError, match="after its operator was closed"):
        state.value()  # type: ignore[attr-defined]  # of a value state


def test_the_directory_of_a_dead_owner_is_removed(tmp_path: Path) -> None:
    with backend(tmp_path) as alive:
        left = tmp_path / "millstream-rocksdb-left"
        (left / "db").mkdir(parents=True)
        (left / "owner.lock").touch()
        (left / "db" / "000001.sst").touch()
        other = tmp_path / "other"
        other.mkdir()
        with backend(tmp_path):
            assert not left.exists()
            _fill(alive, range(3), 1)
            alive.flush()
            assert _values(alive) == {0: 1, 1: 1, 2: 1}
        assert other.exists()


def test_a_type_that_changed_is_bridged_or_refused(tmp_path: Path) -> None:
    for snapshot_format in (NATIVE, CANONICAL):
        with backend(tmp_path) as of:
            _fill(of, range(10), 1)
            items: Any = of.get_state(ListStateDescriptor("items", Types.INT()))
            mapping: Any = of.get_state(MapStateDescriptor("map", Types.STRING(), Types.INT()))
            of.key = 3
            items.add_all([1, 2])
            mapping.put("x", 1)
            handles = snapshot_of(of, snapshot_format)
        with backend(tmp_path) as restored:
            restored.restore(handles, READER)
            value: Any = restored.get_state(ValueStateDescriptor("value", Types.DOUBLE()))
            items = restored.get_state(ListStateDescriptor("items", Types.DOUBLE()))
            mapping = restored.get_state(MapStateDescriptor("map", Types.STRING(), Types.DOUBLE()))
            restored.key = 3
            assert repr((value.value(), items.get(), list(mapping.items()))) == "(1.0, [1.0, 2.0], [('x', 1.0)])"
        with backend(tmp_path) as restored:
            restored.restore(handles, READER)
            with pytest.raises(MillstreamError, match=r"state 'value' cannot be restored .*LONG cannot become STRING"):
                restored.get_state(ValueStateDescriptor("value", Types.STRING()))
            with pytest.raises(MillstreamError, match="'items' is list state already"):
                restored.get_state(ValueStateDescriptor("items"))


def test_another_max_parallelism_is_refused(tmp_path: Path) -> None:
    with backend(tmp_path) as of:
        _fill(of, range(10), 1)
        handles = snapshot_of(of, NATIVE)
    other = settings(tmp_path)
    object.__setattr__(other, "max_parallelism", 16)
    refusing = RocksDbKeyedStateBackend(other)
    with pytest.raises(MillstreamError, match=r"max parallelism 8.*has 16 now"):
        refusing.restore(handles, READER)
    refusing.close()


def test_a_smaller_range_of_the_heaps_snapshot(tmp_path: Path) -> None:
    heap = HeapKeyedStateBackend(lambda: 0, settings(tmp_path))
    state: Any = heap.get_state(VALUE)
    for key in range(100):
        heap.key = key
        state.update(key)
        heap.timers("t").register(key, key)
    handles = snapshot_of(heap)
    found: dict[Any, Any] = {}
    timers: list[Any] = []
    for groups in (KeyGroupRange(0, 2), KeyGroupRange(3, 7)):
        with backend(tmp_path, groups) as part:
            part.restore(handles, READER)
            some = _values(part)
            assert some
            assert not found.keys() & some.keys()
            found.update(some)
            timers += part.timers("t").items()
    assert found == {key: key for key in range(100)}
    assert sorted(timers) == [(key, key) for key in range(100)]


_SCRIPT = """
import dataclasses

@dataclasses.dataclass
class Account:
    owner: str

@dataclasses.dataclass(frozen=True)
class Customer:
    number: int
"""


def _run_script() -> Any:
    """A module that cannot be imported, as a program's own file cannot in a worker."""
    module = types.ModuleType("a_script")
    sys.modules["a_script"] = module
    try:
        exec(_SCRIPT, module.__dict__)  # the text above
    finally:
        del sys.modules["a_script"]
    return module


def test_objects_of_a_scripts_classes_are_of_the_class_that_the_program_has_now(tmp_path: Path) -> None:
    program = _run_script()
    state: Any
    with backend(tmp_path) as of:
        state = of.get_state(VALUE_OF_ANY)
        for number in range(100):
            of.key = program.Customer(number)
            state.update(program.Account("ann"))
        [handle] = snapshot_of(of, NATIVE)
        assert handle.full_size < 50_000  # no class in each value
    program = _run_script()
    with backend(tmp_path) as restored:
        restored.restore([handle], READER)
        state = restored.get_state(VALUE_OF_ANY)
        restored.key = program.Customer(7)
        assert state.value() == program.Account("ann")
        assert program.Customer(7) in restored.keys("any")
