"""Keyed state on the heap: what each kind does, and that nothing stays behind."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.errors import MillstreamError
from millstream.common.typeinfo import Types
from millstream.datastream.functions import AggregateFunction
from millstream.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    ValueStateDescriptor,
)
from millstream.taskmanager.state.heap_keyed_state_backend import HeapKeyedStateBackend
from millstream.taskmanager.state.keyed_state_backend import NamespaceHolder
from tests.unit.taskmanager.state.snapshots import restored, snapshot


class Average(AggregateFunction):
    def create_accumulator(self) -> Any:
        return (0, 0)

    def add(self, value: Any, accumulator: Any) -> Any:
        return accumulator[0] + value, accumulator[1] + 1

    def get_result(self, accumulator: Any) -> Any:
        return accumulator[0] / accumulator[1]

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


VALUE = ValueStateDescriptor("value", Types.INT())
LIST = ListStateDescriptor("list", Types.INT())
MAP = MapStateDescriptor("map", Types.STRING(), Types.INT())
SUM = ReducingStateDescriptor("sum", lambda a, b: a + b, Types.INT())
MEAN = AggregatingStateDescriptor("mean", Average(), Types.PICKLED_BYTE_ARRAY())


def _backend() -> HeapKeyedStateBackend:
    return HeapKeyedStateBackend(lambda: 0)


def _state(backend: HeapKeyedStateBackend, descriptor: Any, namespace: Any = None) -> Any:
    return backend.get_state(descriptor, namespace)


def _stored(backend: HeapKeyedStateBackend) -> dict[str, Any]:
    names = ("value", "list", "map", "sum", "mean")
    return {name: found for name in names if (found := {n: v for n, v in backend.table(name).namespaces.items() if v})}


@pytest.mark.parametrize("namespaced", [False, True])
def test_each_key_has_its_own(namespaced: bool) -> None:
    backend = _backend()
    holder = NamespaceHolder() if namespaced else None
    if holder:
        holder.current = ("window", 1)
    value, items, mapping, total, mean = (_state(backend, each, holder) for each in (VALUE, LIST, MAP, SUM, MEAN))
    for key in ("a", None, ("tuple", 1)):
        backend.key = key
        assert value.value() is None
        assert list(items.get()) == list(items) == []
        assert mapping.is_empty()
        assert list(mapping) == []
        assert mapping.get("x") is None
        assert "x" not in mapping
        assert total.get() is None
        assert mean.get() is None
        value.update(7)
        items.add(1)
        items.add_all([2, 3])
        mapping["x"] = 1
        mapping.put_all({"y": 2, "z": 3})
        for number in (2, 3, 4):
            total.add(number)
            mean.add(number)
        assert (value.value(), list(items), total.get(), mean.get()) == (7, [1, 2, 3], 9, 3.0)
        assert dict(mapping.items()) == {"x": 1, "y": 2, "z": 3}
        assert (list(mapping.keys()), list(mapping.values())) == (["x", "y", "z"], [1, 2, 3])
        assert "x" in mapping
        assert mapping.contains("y")
        assert not mapping.is_empty()
        del mapping["x"]
        mapping.remove("absent")
        assert list(mapping) == ["y", "z"]
        items.update([9])
        assert list(items.get()) == [9]
    assert backend.keys("value", holder.current if holder else None) == ["a", None, ("tuple", 1)]
    for key in ("a", None, ("tuple", 1)):
        backend.key = key
        value.update(None)
        items.update([])
        for name in ("y", "z"):
            mapping.remove(name)
        total.clear()
        mean.clear()
        assert value.value() is None
        assert mapping.is_empty()
    assert _stored(backend) == {}
    if namespaced:
        assert not backend.table("value").namespaces


def test_namespaces_do_not_see_one_another() -> None:
    backend = _backend()
    holder = NamespaceHolder()
    in_window, of_key = _state(backend, VALUE, holder), _state(backend, VALUE)
    backend.key = "k"
    holder.current = 1
    in_window.update("one")
    holder.current = 2
    assert in_window.value() is None
    assert of_key.value() is None
    of_key.update("key")
    in_window.clear()
    holder.current = 1
    assert (in_window.value(), of_key.value()) == ("one", "key")


def test_the_same_state_is_the_same_object_and_a_clash_is_refused() -> None:
    backend = _backend()
    assert backend.get_state(VALUE) is backend.get_state(ValueStateDescriptor("value", Types.INT()))
    with pytest.raises(MillstreamError, match="'value' is value state already and cannot be list state"):
        backend.get_state(ListStateDescriptor("value", Types.INT()))
    with pytest.raises(MillstreamError, match=r"has the type .* already"):
        backend.get_state(ValueStateDescriptor("value", Types.STRING()))
    with pytest.raises(MillstreamError, match="described by one of ValueStateDescriptor"):
        backend.get_state("value")  # type: ignore[arg-type]  # a mistake


def test_state_without_a_key_is_refused_by_name() -> None:
    backend = _backend()
    uses: tuple[tuple[Any, Any], ...] = (
        (VALUE, lambda state: state.value()),
        (VALUE, lambda state: state.update(1)),
        (VALUE, lambda state: state.clear()),
        (LIST, lambda state: state.add(1)),
        (LIST, lambda state: state.get()),
        (MAP, lambda state: state.put("x", 1)),
        (SUM, lambda state: state.add(1)),
    )
    for descriptor, use in uses:
        state = backend.get_state(descriptor)
        with pytest.raises(MillstreamError, match=rf"state '{descriptor.get_name()}': .*in open\(\)"):
            use(state)
    assert _stored(backend) == {}


def test_a_map_and_a_list_may_change_while_they_are_iterated() -> None:
    backend = _backend()
    backend.key = 1
    items, mapping = _state(backend, LIST), _state(backend, MAP)
    items.add_all([1, 2, 3])
    mapping.put_all({"a": 1, "b": 2})
    for item in items.get():
        items.add(item * 10)
    assert list(items) == [1, 2, 3, 10, 20, 30]
    for key, number in mapping.items():
        mapping.remove(key)
        mapping[key + key] = number
    assert dict(mapping.items()) == {"aa": 1, "bb": 2}
    for _ in mapping:
        mapping.clear()
    assert mapping.is_empty()


def test_a_map_may_hold_none() -> None:
    backend = _backend()
    backend.key = 1
    mapping = _state(backend, MAP)
    mapping.put("x", None)
    assert "x" in mapping
    assert mapping.get("x") is None
    assert not mapping.is_empty()


@pytest.mark.parametrize("restore_first", [False, True])
def test_a_snapshot_is_of_one_moment(restore_first: bool) -> None:
    backend = _backend()
    holder = NamespaceHolder()
    backend.key = "k"
    value, items, mapping = (_state(backend, each) for each in (VALUE, LIST, MAP))
    windowed = _state(backend, SUM, holder)
    holder.current = (0, 10)
    value.update(1)
    items.add(1)
    mapping.put("x", [1])
    windowed.add(5)
    backend.timers("event").register(10, "k")
    backend.table("own").of_namespace("w")["k"] = 3
    handle = snapshot(backend)
    value.update(2)
    items.add(2)
    mapping.get("x").append(2)
    windowed.add(1)
    backend.timers("event").delete(10, "k")

    other = _backend()
    if restore_first:
        other.restore([handle], SnapshotReader())
    value, items, mapping = (_state(other, each) for each in (VALUE, LIST, MAP))
    windowed = _state(other, SUM, holder)
    if not restore_first:
        other.restore([handle], SnapshotReader())
    other.key = "k"
    assert (value.value(), list(items), mapping.get("x"), windowed.get()) == (1, [1], [1], 5)
    assert list(other.timers("event").items()) == [(10, "k")]
    assert other.table("own").namespaces == {"w": {"k": 3}}
    if restore_first:
        with pytest.raises(MillstreamError, match="'list' is list state already"):
            restored([handle]).get_state(ValueStateDescriptor("list", Types.INT()))


def test_classes_of_a_script_can_be_in_a_snapshot_and_what_cannot_is_named() -> None:
    class Local:
        def __init__(self, number: int) -> None:
            self.number = number

    backend = _backend()
    backend.key = "k"
    value = _state(backend, ValueStateDescriptor("value"))
    value.update(Local(3))
    other = restored([snapshot(backend)])
    other.key = "k"
    assert _state(other, ValueStateDescriptor("value")).value().number == 3
    value.update(iter([threading.Lock()]))
    with pytest.raises(MillstreamError, match="the value of state 'value' for the key 'k' cannot be pickled"):
        snapshot(backend)


def test_namespaces_merge() -> None:
    backend = _backend()
    holder = NamespaceHolder()
    items, total, mean = (_state(backend, each, holder) for each in (LIST, SUM, MEAN))
    for key in ("a", "b"):
        backend.key = key
        for namespace in (1, 2, 3):
            holder.current = namespace
            items.add(namespace)
            total.add(namespace)
            mean.add(namespace)
    backend.key = "a"
    for descriptor in (LIST, SUM, MEAN):
        backend.merge_namespaces(descriptor, 4, [1, 2, 4])
        backend.merge_namespaces(descriptor, 3, [3, 4])
    holder.current = 3
    assert (sorted(items), total.get(), mean.get()) == ([1, 2, 3], 6, 2.0)
    for namespace in (1, 2, 4):
        holder.current = namespace
        assert (list(items), total.get(), mean.get()) == ([], None, None)
    backend.key = "b"
    holder.current = 1
    assert (list(items), total.get()) == ([1], 1)
    backend.merge_namespaces(LIST, 9, [1, 2])
    assert set(backend.table("list").namespaces) == {3, 9}
    with pytest.raises(MillstreamError, match="'map' is map state, which cannot be merged"):
        backend.merge_namespaces(MAP, 1, [2])


def test_all_keys_can_be_forgotten() -> None:
    backend = _backend()
    holder = NamespaceHolder()
    holder.current = 1
    value, windowed = _state(backend, VALUE), _state(backend, LIST, holder)
    backend.key = 1
    value.update(1)
    windowed.add(1)
    backend.timers("event").register(1, 1)
    backend.forget_keys()
    assert value.value() is None
    assert list(windowed) == []
    assert backend.timers("event").first() is None
    value.update(2)
    assert backend.keys("value") == [1]
