"""Whatever a program does with its state, it sees the same as with state on the heap.

Both backends are driven by the same random steps, each of which is compared. In between the RocksDB backend has to
write its caches, let go of what they hold, and go on from its own snapshots: native or canonical, alone or divided
among two and put together again, through the heap and back.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.key_groups import KeyGroupRange
from millstream.common.time import Time
from millstream.datastream.functions import AggregateFunction
from millstream.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)
from millstream.datastream.window import TimeWindow
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend, NamespaceHolder
from millstream.taskmanager.state.rocksdb import map_store, stored_timer_queue, value_cache, write_back
from millstream.taskmanager.state.rocksdb.rocksdb_keyed_state_backend import RocksDbKeyedStateBackend
from millstream.taskmanager.state.snapshot import CANONICAL, NATIVE
from tests.unit.taskmanager.state.rocksdb.support import ALL, MAX_PARALLELISM, snapshot_of
from tests.unit.taskmanager.state.rocksdb.support import settings as backend_settings

KEYS: list[Any] = [
    "a",
    "b\0c",
    "",
    1,
    True,
    1.0,
    -7,
    2**70,
    0.5,
    None,
    ("t", 1),
    ("t", (None, b"\0")),
    Decimal("1.5"),
    1.5,
]
NAMESPACES: list[Any] = [None, TimeWindow(0, 10), TimeWindow(-5, 0), "w", 3]
MAP_KEYS: list[Any] = ["x", "y", 1, True, 2.5, -1, 300, ("p", 2), None]
VALUES: list[Any] = [0, 1, -3, "text", b"bytes", 1.25, True, ("t", 2), [1, 2], {"k": [1]}, "l" * 600]
TTL = 10


class Joined(AggregateFunction):
    def create_accumulator(self) -> Any:
        return []

    def add(self, value: Any, accumulator: Any) -> Any:
        return [*accumulator, value]

    def get_result(self, accumulator: Any) -> Any:
        return tuple(accumulator)

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return acc_a + acc_b


def _joined(first: str, second: str) -> str:
    return first + second


def _descriptors(*, ttl: StateTtlConfig | None) -> dict[str, StateDescriptor]:
    made: dict[str, StateDescriptor] = {
        "value": ValueStateDescriptor("value"),
        "list": ListStateDescriptor("list"),
        "map": MapStateDescriptor("map"),
        "reducing": ReducingStateDescriptor("reducing", _joined),
        "aggregating": AggregatingStateDescriptor("aggregating", Joined()),
    }
    if ttl is not None:
        for each in made.values():
            each.enable_time_to_live(ttl)
    return made


_value = st.sampled_from(VALUES)
_map_key = st.sampled_from(MAP_KEYS)
_texts = st.sampled_from(["p", "q", "rs"])
_use = st.one_of(
    st.tuples(st.just("value"), st.just("update"), _value),
    st.tuples(st.just("value"), st.sampled_from(["value", "clear"])),
    st.tuples(st.just("list"), st.just("add"), _value),
    st.tuples(st.just("list"), st.sampled_from(["add_all", "update"]), st.lists(_value, max_size=3)),
    st.tuples(st.just("list"), st.sampled_from(["get", "clear"])),
    st.tuples(st.just("map"), st.just("put"), _map_key, _value),
    st.tuples(st.just("map"), st.sampled_from(["get", "remove", "contains"]), _map_key),
    st.tuples(st.just("map"), st.sampled_from(["items", "is_empty", "clear"])),
    st.tuples(st.sampled_from(["reducing", "aggregating"]), st.just("add"), _texts),
    st.tuples(st.sampled_from(["reducing", "aggregating"]), st.sampled_from(["get", "clear"])),
)
_time = st.integers(-2, 12)
_step = st.one_of(
    st.tuples(st.just("use"), st.sampled_from(KEYS), st.none() | st.sampled_from(NAMESPACES).map(lambda n: (n,)), _use),
    st.tuples(st.sampled_from(["register", "delete"]), _time, st.sampled_from(KEYS)),
    st.tuples(st.just("fire"), _time),
    st.tuples(
        st.just("merge"),
        st.sampled_from(KEYS),
        st.sampled_from(["list", "reducing", "aggregating"]),
        st.sampled_from(NAMESPACES[1:]),
        st.lists(st.sampled_from(NAMESPACES[1:]), max_size=3, unique=True),
    ),
    st.tuples(st.just("batch"), st.lists(st.sampled_from(KEYS), max_size=5)),
    st.tuples(st.just("table"), st.lists(st.tuples(st.sampled_from(KEYS), st.none() | _value), max_size=5)),
    st.tuples(st.just("flush")),
    st.tuples(st.just("snapshot"), st.sampled_from([NATIVE, CANONICAL, "DIVIDED_NATIVE", "DIVIDED", "HEAP"])),
    st.tuples(st.just("keys"), st.sampled_from(["value", "list", "map", "reducing"]), st.sampled_from(NAMESPACES)),
    st.tuples(st.just("forget")),
    st.tuples(st.just("clock"), st.integers(1, 8)),
)


class Pair:
    """A backend on the heap and one in RocksDB, and steps that are done with both."""

    def __init__(self, directory: Path, options: dict[str, str], ttl: StateTtlConfig | None) -> None:
        self.now = 0
        self.directory = directory
        self.options = options
        self.ttl = ttl
        self.descriptors = _descriptors(ttl=ttl)
        self.holder = NamespaceHolder()
        self.heap: KeyedStateBackend = HeapKeyedStateBackend(
            lambda: self.now, backend_settings(directory, ALL, lambda: self.now)
        )
        self.rocksdb = self.new()

    def new(self, groups: KeyGroupRange = ALL) -> RocksDbKeyedStateBackend:
        return RocksDbKeyedStateBackend(backend_settings(self.directory, groups, lambda: self.now, self.options))

    def do(self, step: Any) -> None:
        mine, other = getattr(self, step[0])(*step[1:])
        assert mine == other, step

    def both(self) -> Iterator[KeyedStateBackend]:
        yield self.rocksdb
        yield self.heap

    def use(self, key: Any, namespace: Any, use: Any) -> list[Any]:
        found = []
        for backend in self.both():
            backend.key = key
            if namespace is not None:
                (self.holder.current,) = namespace
            state = backend.get_state(self.descriptors[use[0]], None if namespace is None else self.holder)
            result = getattr(state, use[1])(*use[2:])
            if use[1] == "items":
                result = sorted(map(repr, result))
            found.append(repr(result))
        return found

    def merge(self, key: Any, name: str, target: Any, sources: list[Any]) -> list[Any]:
        for backend in self.both():
            backend.key = key
            backend.get_state(self.descriptors[name], self.holder)
            backend.merge_namespaces(self.descriptors[name], target, sources)
        return [None, None]

    def register(self, time: int, key: Any) -> list[Any]:
        for backend in self.both():
            backend.timers("t").register(time, key)
        return [backend.timers("t").first() for backend in self.both()]

    def delete(self, time: int, key: Any) -> list[Any]:
        for backend in self.both():
            backend.timers("t").delete(time, key)
        return [backend.timers("t").first() for backend in self.both()]

    def fire(self, now: int) -> list[Any]:
        fired = []
        for backend in self.both():
            due = list(backend.timers("t").pop_due(now))
            assert [time for time, _ in due] == sorted(time for time, _ in due)
            fired.append(sorted(map(repr, due)))
        return fired

    def batch(self, keys: list[Any]) -> list[Any]:
        for backend in self.both():
            backend.begin_batch(keys)
            backend.clean_up_for_records(len(keys))
            backend.end_batch()
        return [None, None]

    def table(self, changes: list[tuple[Any, Any]]) -> list[Any]:
        found = []
        keys = [key for key, _ in changes]
        for backend in self.both():
            table = backend.value_table(" table")
            values = table.load(keys)
            found.append({key: values[key] for key in keys if key in values})
            for key, value in changes:
                if value is not None:
                    values[key] = value
                elif key in values:
                    del values[key]
            table.store(keys)
        return found

    def flush(self) -> list[Any]:
        self.rocksdb.flush()
        return [None, None]

    def forget(self) -> list[Any]:
        for backend in self.both():
            backend.forget_keys()
        return [None, None]

    def clock(self, step: int) -> list[Any]:
        self.now += step
        return [None, None]

    def keys(self, name: str, namespace: Any) -> list[Any]:
        for backend in self.both():
            backend.get_state(self.descriptors[name])
        assert (
            sorted(map(repr, self.rocksdb.keys_and_namespaces("value")))
            == sorted(map(repr, self.heap.keys_and_namespaces("value")))
            or self.ttl is not None
        )
        return [sorted(map(repr, backend.keys(name, namespace))) for backend in self.both()]

    def snapshot(self, how: str) -> list[Any]:
        reader = SnapshotReader()
        old = self.rocksdb
        handles = snapshot_of(old, NATIVE if how in (NATIVE, "DIVIDED_NATIVE") else CANONICAL, incremental=True)
        old.close()
        if how.startswith("DIVIDED"):
            parts = []
            for groups in (KeyGroupRange(0, 4), KeyGroupRange(5, MAX_PARALLELISM - 1)):
                part = self.new(groups)
                part.restore(handles, reader)
                parts += snapshot_of(part, NATIVE if how == "DIVIDED_NATIVE" else CANONICAL)
                part.close()
            handles = parts
        if how == "HEAP":
            heap = HeapKeyedStateBackend(lambda: self.now, backend_settings(self.directory, ALL, lambda: self.now))
            heap.restore(handles, reader)
            handles = snapshot_of(heap, CANONICAL)
        self.rocksdb = self.new()
        self.rocksdb.restore(handles, reader)
        return [None, None]


@pytest.fixture
def small_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_back, "_LEAST_ENTRIES", 3)
    monkeypatch.setattr(write_back, "_MOST_CHANGED", 2)
    monkeypatch.setattr(map_store, "_SMALL_MAP", 2)
    monkeypatch.setattr(value_cache, "_SAMPLE_EVERY", 2)
    for name in ("_FETCHED", "_MOST_IN_MEMORY", "_MOST_WAITING", "_COUNT_EVERY"):
        monkeypatch.setattr(stored_timer_queue, name, 2)


def _run(steps: list[Any], *, ttl: StateTtlConfig | None, options: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        pair = Pair(Path(directory), options, ttl)
        try:
            for step in steps:
                pair.do(step)
        finally:
            pair.rocksdb.close()
        assert list(Path(directory).iterdir()) == []


_STEPS = st.lists(_step, max_size=40)
# Each takes half a second: few by default.
_EXAMPLES = 100 if os.environ.get("MILLSTREAM_ALL_CASES") else 8
_QUICK = settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_QUICK
@given(steps=_STEPS)
def test_same_as_heap(steps: list[Any]) -> None:
    _run(steps, ttl=None, options={})


@_QUICK
@given(steps=_STEPS)
def test_same_as_heap_with_hardly_any_memory(small_caches: None, steps: list[Any]) -> None:
    _run(steps, ttl=None, options={"state.backend.rocksdb.memory.fixed-per-slot": "1kb"})


@_QUICK
@given(
    steps=_STEPS,
    on_read=st.booleans(),
)
def test_same_as_heap_with_a_time_to_live(small_caches: None, steps: list[Any], on_read: bool) -> None:
    builder = StateTtlConfig.new_builder(Time.milliseconds(TTL))
    if on_read:
        builder.update_ttl_on_read_and_write()
    _run(
        [step for step in steps if step[0] != "merge"],
        ttl=builder.build(),
        options={"state.backend.rocksdb.timer-service.factory": "HEAP"},
    )
