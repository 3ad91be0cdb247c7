"""State that expires."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.errors import MillstreamError
from millstream.common.time import Time
from millstream.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    StateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.keyed_state_backend import NamespaceHolder
from tests.unit.taskmanager.state.snapshots import snapshot
from tests.unit.taskmanager.state.test_heap_keyed_state_backend import Average

TTL = 100


class Clock:
    def __init__(self) -> None:
        self.now = 1_000

    def now_ms(self) -> int:
        return self.now


def _config(*, read: bool = False, shown: bool = False, background: bool = False) -> StateTtlConfig.Builder:
    builder = StateTtlConfig.new_builder(Time.milliseconds(TTL))
    if read:
        builder.update_ttl_on_read_and_write()
    if shown:
        builder.return_expired_if_not_cleaned_up()
    if not background:
        builder.disable_cleanup_in_background()
    return builder


def _state(descriptor: StateDescriptor, config: StateTtlConfig.Builder) -> tuple[Any, HeapKeyedStateBackend, Clock]:
    clock = Clock()
    backend = HeapKeyedStateBackend(clock.now_ms)
    descriptor.enable_time_to_live(config.build())
    state = backend.get_state(descriptor)
    backend.key = "k"
    return state, backend, clock


def _sum(a: int, b: int) -> int:
    return a + b


KINDS: dict[str, tuple[Callable[[], StateDescriptor], Callable[[Any], None], Callable[[Any], Any], Any, Any]] = {
    # how it is made, written and read, what is read then, and what if there is nothing
    "value": (lambda: ValueStateDescriptor("s"), lambda s: s.update(7), lambda s: s.value(), 7, None),
    "list": (lambda: ListStateDescriptor("s"), lambda s: s.add(7), lambda s: list(s.get()), [7], []),
    "map": (
        lambda: MapStateDescriptor("s"),
        lambda s: s.put("x", 7),
        lambda s: (s.get("x"), "x" in s) if s.contains("x") else None,
        (7, True),
        None,
    ),
    "map items": (
        lambda: MapStateDescriptor("s"),
        lambda s: s.put("x", 7),
        lambda s: list(s.items()),
        [("x", 7)],
        [],
    ),
    "reducing": (lambda: ReducingStateDescriptor("s", _sum), lambda s: s.add(7), lambda s: s.get(), 7, None),
    "aggregating": (
        lambda: AggregatingStateDescriptor("s", Average()),
        lambda s: s.add(7),
        lambda s: s.get(),
        7.0,
        None,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_expires(kind: str) -> None:
    make, write, read, there, gone = KINDS[kind]
    state, backend, clock = _state(make(), _config())
    write(state)
    clock.now += TTL - 1
    assert read(state) == there
    clock.now += 1
    assert read(state) == gone
    assert backend.table("s").namespaces == {None: {}}
    assert backend.keys("s") == []
    write(state)
    assert read(state) == there
    state.clear()
    assert read(state) == gone


@pytest.mark.parametrize("kind", KINDS)
def test_reading_may_prolong_life(kind: str) -> None:
    make, write, read, there, gone = KINDS[kind]
    state, _, clock = _state(make(), _config(read=True))
    write(state)
    for _ in range(3):
        clock.now += TTL - 1
        assert read(state) == there
    clock.now += TTL
    assert read(state) == gone


@pytest.mark.parametrize("kind", ["value", "list", "map items", "reducing", "aggregating"])
def test_what_has_expired_may_be_seen_once(kind: str) -> None:
    make, write, read, there, gone = KINDS[kind]
    state, _, clock = _state(make(), _config(shown=True))
    write(state)
    clock.now += TTL
    assert read(state) == there
    assert read(state) == gone


def test_what_has_expired_is_not_combined_with_what_is_new() -> None:
    for shown in (False, True):
        total, _, clock = _state(ReducingStateDescriptor("s", _sum), _config(shown=shown))
        total.add(5)
        clock.now += TTL
        total.add(6)
        assert total.get() == 6
        mean, _, clock = _state(AggregatingStateDescriptor("s", Average()), _config(shown=shown))
        mean.add(5)
        clock.now += TTL
        mean.add(6)
        assert mean.get() == 6.0


def test_elements_and_entries_expire_one_by_one() -> None:
    items, _, clock = _state(ListStateDescriptor("s"), _config())
    items.add_all([1, 2])
    clock.now += 60
    items.add(3)
    clock.now += 60
    assert items.get() == [3]
    items.update([4])
    assert items.get() == [4]
    items.update([])
    assert items.get() == []

    mapping, _, clock = _state(MapStateDescriptor("s"), _config())
    mapping.put_all([("a", 1), ("b", 2)])
    clock.now += 60
    mapping["b"] = 3
    clock.now += 60
    assert dict(mapping.items()) == {"b": 3}
    assert (list(mapping.keys()), list(mapping.values()), "a" in mapping) == (["b"], [3], False)
    assert not mapping.is_empty()
    mapping.remove("b")
    assert mapping.is_empty()


def test_what_nobody_reads_is_cleaned_up_bit_by_bit() -> None:
    state, backend, clock = _state(ValueStateDescriptor("s"), _config().cleanup_incrementally(2, False))
    for key in range(50):
        backend.key = key
        state.update(key)
    clock.now += TTL
    backend.key = "other"
    for step in range(60):
        state.update(step)
    assert list(backend.table("s").namespaces[None]) == ["other"]


def test_records_may_clean_up_too() -> None:
    state, backend, clock = _state(ListStateDescriptor("s"), _config().cleanup_incrementally(1, True))
    for key in range(20):
        backend.key = key
        state.add(key)
    clock.now += TTL
    for _ in range(5):
        backend.clean_up_for_records(10)
    assert backend.table("s").namespaces == {None: {}}


def test_snapshots_may_leave_out_what_has_expired() -> None:
    for full in (False, True):
        config = _config()
        if full:
            config.cleanup_full_snapshot()
        state, backend, clock = _state(MapStateDescriptor("s"), config)
        state.put("old", 1)
        clock.now += 60
        state.put("new", 2)
        backend.key = "gone"
        state.put("x", 1)
        clock.now += 60
        other = HeapKeyedStateBackend(clock.now_ms)
        other.restore([snapshot(backend)], SnapshotReader())
        stored = other.table("s").namespaces[None]
        assert set(stored["k"]) == ({"new"} if full else {"old", "new"})
        assert "gone" in stored
        clock.now -= 10
        descriptor = MapStateDescriptor("s")
        with pytest.raises(MillstreamError, match="was used with a time to live before and has none now"):
            other.get_state(descriptor)
        descriptor.enable_time_to_live(config.build())
        restored: Any = other.get_state(descriptor)
        other.key = "k"
        assert dict(restored.items()) == {"new": 2}


def test_namespaces_merge_without_what_has_expired() -> None:
    for descriptor, merged in ((ReducingStateDescriptor("s", _sum), 6), (ListStateDescriptor("s"), [4, 2])):
        clock = Clock()
        backend = HeapKeyedStateBackend(clock.now_ms)
        descriptor.enable_time_to_live(_config().build())
        holder = NamespaceHolder()
        state: Any = backend.get_state(descriptor, holder)
        backend.key = "k"
        for namespace, value in ((1, 1), (2, 2), (3, 4)):
            clock.now += 60
            holder.current = namespace
            state.add(value)
        backend.merge_namespaces(descriptor, 3, [1, 2])
        assert state.get() == merged
        assert set(backend.table("s").namespaces) == {3}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "get", "items", "remove"]), st.sampled_from("ab"), st.integers(0, 70)),
        max_size=40,
    ),
    st.booleans(),
    st.booleans(),
)
def test_a_map_as_a_naive_model_has_it(actions: list[tuple[str, str, int]], read: bool, background: bool) -> None:
    mapping, _, clock = _state(MapStateDescriptor("s"), _config(read=read, background=background))
    model: dict[str, tuple[int, int]] = {}
    for number, (action, key, later) in enumerate(actions):
        clock.now += later
        model = {each: pair for each, pair in model.items() if pair[1] + TTL > clock.now}
        if action == "put":
            mapping.put(key, number)
            model[key] = (number, clock.now)
        elif action == "remove":
            mapping.remove(key)
            model.pop(key, None)
        elif action == "get":
            assert mapping.get(key) == (model[key][0] if key in model else None)
            if read and key in model:
                model[key] = (model[key][0], clock.now)
        else:
            assert sorted(mapping.items()) == sorted((each, pair[0]) for each, pair in model.items())
            if read:
                model = {each: (pair[0], clock.now) for each, pair in model.items()}
