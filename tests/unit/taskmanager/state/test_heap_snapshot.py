"""Snapshots of keyed state on the heap: of one moment by every way, whole after any rescaling."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.errors import MillstreamError
from millstream.common.key_groups import KeyGroupRange, key_group
from millstream.common.typeinfo import Types
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle
from millstream.datastream.state import (
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    ValueStateDescriptor,
)
from millstream.taskmanager.state.forked_stream import can_fork
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.keyed_state_backend import NamespaceHolder
from millstream.taskmanager.state.snapshot import SnapshotOptions
from tests.unit.taskmanager.state.snapshots import ALL, heap, restored, snapshot

KEYS = st.one_of(
    st.integers(), st.text(max_size=3), st.none(), st.floats(allow_nan=False), st.tuples(st.integers(0, 5), st.text())
)


@dataclass
class Mutable:
    number: int
    parts: list[Any] = field(default_factory=list)


def _contents(*backends: HeapKeyedStateBackend) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Tables by name, namespace and key, and timers, of backends that share them."""
    tables: dict[Any, Any] = {}
    timers: dict[Any, Any] = {}
    for backend in backends:
        for name in ("value", "list", "map", "sum", "own"):
            for namespace, values in backend.table(name).namespaces.items():
                for key, value in values.items():
                    assert (name, namespace, key) not in tables
                    tables[name, namespace, key] = value
        for name in ("keys", "pairs"):
            for timer in backend.timers(name).items():
                assert (name, timer) not in timers
                timers[name, timer] = None
    return tables, timers


@st.composite
def _backend(draw: Any) -> HeapKeyedStateBackend:
    backend = heap()
    holder = NamespaceHolder()
    value: Any = backend.get_state(ValueStateDescriptor("value"))
    items: Any = backend.get_state(ListStateDescriptor("list", Types.INT()), holder)
    mapping: Any = backend.get_state(MapStateDescriptor("map"))
    total: Any = backend.get_state(ReducingStateDescriptor("sum", lambda a, b: a + b), holder)
    own = backend.table("own")
    pairs = backend.timers("pairs", namespaced=True)
    for backend.key in draw(st.lists(KEYS, max_size=12)):
        holder.current = draw(st.sampled_from([(0, 10), (10, 20)]))
        value.update(draw(st.sampled_from([1, "a", Mutable(1, [2]), [1, [2]], None])))
        items.add(draw(st.integers()))
        mapping.put(draw(st.text(max_size=2)), draw(st.sampled_from([None, 1, {"deep": [1]}])))
        total.add(draw(st.integers()))
        own.of_namespace(draw(st.sampled_from([None, "w"])))[backend.key] = (1, [2])
        backend.timers("keys").register(draw(st.integers(0, 9)), backend.key)
        pairs.register(draw(st.integers(0, 9)), (backend.key, holder.current))
    return backend


@settings(max_examples=40, deadline=None)
@given(_backend(), st.lists(st.integers(1, 20), min_size=1, max_size=3), st.booleans())
def test_state_is_whole_after_any_rescaling(
    backend: HeapKeyedStateBackend, parallelisms: list[int], compressed: bool
) -> None:
    before = _contents(backend)
    backends = [backend]
    for parallelism in parallelisms:
        handles = [
            handle
            for each in backends
            if (handle := each.start_snapshot(SnapshotOptions(compressed=compressed)).write(MemorySnapshotStreams()))
            is not None
        ]
        ranges = [KeyGroupRange.of_subtask(128, parallelism, index) for index in range(parallelism)]
        backends = [restored(handles, key_groups) for key_groups in ranges]
        for one, key_groups in zip(backends, ranges, strict=True):
            tables, timers = _contents(one)
            assert all(key_group(key, 128) in key_groups for _, _, key in tables)
            assert all(key_group(e[0] if name == "pairs" else e, 128) in key_groups for name, (_, e) in timers)
    assert _contents(*backends) == before


def _fill_constant(backend: HeapKeyedStateBackend, count: int) -> None:
    backend.table("value").of_namespace(None).update((key, key) for key in range(count))
    backend.table("list").of_namespace((0, 1)).update((key, [key]) for key in range(10))


def _fill_mutable(backend: HeapKeyedStateBackend, count: int) -> None:
    backend.table("own").of_namespace(None).update((key, Mutable(key, [key])) for key in range(count))


_forks = pytest.mark.skipif(not can_fork(), reason="this platform does not fork")
WAYS: list[Any] = [
    pytest.param(_fill_constant, 100, False, id="copied"),
    pytest.param(_fill_mutable, 100, False, id="at once"),
    pytest.param(_fill_mutable, 100, True, id="at once, few"),
    pytest.param(_fill_mutable, 5_000, False, id="at once, many"),
    pytest.param(_fill_mutable, 5_000, True, id="forked", marks=_forks),
    pytest.param(_fill_constant, 60_000, False, id="copied, many"),
    pytest.param(_fill_constant, 60_000, True, id="forked, many", marks=_forks),
]


@pytest.mark.parametrize(("fill", "count", "own_process"), WAYS)
def test_later_changes_do_not_show(
    fill: Callable[[HeapKeyedStateBackend, int], None], count: int, own_process: bool
) -> None:
    backend, same = heap(own_process=own_process), heap()
    for each in (backend, same):
        fill(each, count)
        each.timers("keys").register(5, 1)
    running = backend.start_snapshot(SnapshotOptions())
    for name in ("value", "list", "own"):
        for values in backend.table(name).namespaces.values():
            for value in values.values():
                if isinstance(value, Mutable):
                    value.number = -1
                    value.parts.append("late")
                elif isinstance(value, list):
                    value.append("late")
            values["late"] = 1
            values.pop(1, None)
    backend.timers("keys").register(6, 2)
    handle = running.write(MemorySnapshotStreams(1 << 30))
    running.discard()
    assert handle is not None
    assert (handle.first_key_group, handle.last_key_group, handle.format) == (0, 127, "canonical")
    assert handle.full_size == handle.new_size == handle.file.size == len(handle.file.inline)
    assert _contents(restored([handle])) == _contents(same)


@_forks
def test_a_running_snapshot_can_be_discarded() -> None:
    files = len(os.listdir("/proc/self/fd"))
    backend = heap(own_process=True)
    _fill_mutable(backend, 5_000)
    for _ in range(2):
        running = backend.start_snapshot(SnapshotOptions())
        running.discard()
        running.discard()
        with pytest.raises(MillstreamError, match="not wanted any more"):
            running.write(MemorySnapshotStreams())
    running = backend.start_snapshot(SnapshotOptions())
    streams = MemorySnapshotStreams()
    streams.abort()
    with pytest.raises(MillstreamError, match="aborted"):
        running.write(streams)
    assert len(os.listdir("/proc/self/fd")) == files


@pytest.mark.parametrize("count", [10, pytest.param(5_000, marks=_forks)])
def test_what_cannot_be_pickled_is_named_by_state_and_key(count: int) -> None:
    backend = heap(own_process=True)
    _fill_mutable(backend, count)
    backend.table("own").of_namespace(None)[7].parts.append(threading.Lock())
    with pytest.raises(MillstreamError, match=r"value of state 'own' for the key 7 cannot be pickled \(TypeError"):
        snapshot(backend)


def test_where_forks_are_turned_off_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("it forked"))
    backend = heap(own_process=True, fork=False)
    _fill_mutable(backend, 5_000)
    assert _contents(restored([snapshot(backend)])) == _contents(backend)


def test_where_no_process_can_be_had_the_task_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", none_left)
    files = len(os.listdir("/proc/self/fd"))
    backend = heap(own_process=True)
    _fill_mutable(backend, 5_000)
    assert _contents(restored([snapshot(backend)])) == _contents(backend)
    assert len(os.listdir("/proc/self/fd")) == files


def test_no_state_is_no_snapshot() -> None:
    backend = heap()
    backend.get_state(ValueStateDescriptor("s"))
    backend.timers("t")
    running = backend.start_snapshot(SnapshotOptions())
    assert running.write(MemorySnapshotStreams()) is None
    running.discard()


def test_a_restore_replaces_all_there_was() -> None:
    backend, other = heap(), heap()
    for each, number in ((backend, 1), (other, 2)):
        state: Any = each.get_state(ValueStateDescriptor("s"))
        each.key = f"k{number}"
        state.update(number)
        each.timers("t").register(number, each.key)
    other.restore([snapshot(backend)], SnapshotReader())
    assert other.keys("s") == ["k1"]
    assert list(other.keys_and_namespaces("s")) == [("k1", None)]
    assert list(other.timers("t").items()) == [(1, "k1")]
    other.restore([], SnapshotReader())
    assert other.keys("s") == []
    assert other.timers("t").first() is None


def test_keys_can_be_listed_before_the_state_is_asked_for() -> None:
    backend = heap()
    state: Any = backend.get_state(ValueStateDescriptor("s"))
    for backend.key in ("a", "b"):
        state.update(1)
    handle = snapshot(backend)
    assert sorted(restored([handle]).keys("s")) == ["a", "b"]
    assert sorted(restored([handle]).keys_and_namespaces("s")) == [("a", None), ("b", None)]


def test_what_does_not_fit_is_refused() -> None:
    backend = heap()
    state: Any = backend.get_state(ValueStateDescriptor("s"))
    backend.key = "k"
    state.update(1)
    handle = snapshot(backend)
    with pytest.raises(MillstreamError, match="max parallelism 128, and the operator has 64 now"):
        heap(KeyGroupRange(0, 63), max_parallelism=64).restore([handle], SnapshotReader())
    native = KeyedStateHandle(first_key_group=0, last_key_group=127, format="rocksdb")
    with pytest.raises(MillstreamError, match="format 'rocksdb', which only the state backend that wrote it reads"):
        restored([native])
    elsewhere = KeyGroupRange(0, 0) if key_group("k", 128) else KeyGroupRange(1, 1)
    assert restored([handle], elsewhere).keys("s") == []
    wrong = heap(elsewhere)
    wrong.table("own").of_namespace(None)["k"] = 1
    with pytest.raises(MillstreamError, match=r"the key 'k' belongs to key group .* without key_by"):
        snapshot(wrong)
    wrong.table("own").of_namespace(None).clear()
    wrong.table("own").of_namespace(None)[object()] = 1
    with pytest.raises(MillstreamError, match="state 'own' cannot be divided by key: Type object cannot be used as a"):
        snapshot(wrong)


def test_a_broken_file_is_named() -> None:
    backend = heap()
    _fill_constant(backend, 100)
    handle = snapshot(backend)
    for place in range(0, len(handle.file.inline), 97):
        broken = KeyedStateHandle()
        broken.CopyFrom(handle)
        data = bytearray(handle.file.inline)
        data[place] ^= 1
        broken.file.inline = bytes(data)
        with pytest.raises(MillstreamError):
            restored([broken], ALL)
