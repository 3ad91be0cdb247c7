"""State without keys: lists that are divided or repeated, broadcast state, operators' own items."""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.checkpoint.memory_snapshot_streams import MemorySnapshotStreams
from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.errors import MillstreamError
from millstream.common.time import Time
from millstream.common.typeinfo import Types
from millstream.common.wire.checkpoint_pb2 import OperatorStateHandle
from millstream.datastream.state import ListStateDescriptor, MapStateDescriptor, StateTtlConfig
from millstream.taskmanager.state.heap_operator_state_backend import HeapOperatorStateBackend
from millstream.taskmanager.state.held_values import held_values
from millstream.taskmanager.state.keyed_state_backend import KeyedBackendSettings
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode
from millstream.taskmanager.state.snapshot import SnapshotOptions

LIST = ListStateDescriptor("list")
MAP = MapStateDescriptor("map")
UNION, BROADCAST = OperatorStateMode.UNION, OperatorStateMode.BROADCAST


@dataclasses.dataclass
class Offset:
    partition: int
    marks: list[int] = dataclasses.field(default_factory=list)


def _backend() -> HeapOperatorStateBackend:
    return HeapOperatorStateBackend(KeyedBackendSettings())


def _snapshot(backend: HeapOperatorStateBackend) -> list[OperatorStateHandle]:
    return list(backend.start_snapshot(SnapshotOptions()).write(MemorySnapshotStreams()))


def _restored(handles: Sequence[OperatorStateHandle]) -> HeapOperatorStateBackend:
    backend = _backend()
    backend.restore(handles, SnapshotReader())
    return backend


def test_lists_and_maps_are_states() -> None:
    backend = _backend()
    items: Any = backend.get_list_state(LIST)
    assert items is backend.get_list_state(ListStateDescriptor("list"))
    items.add(1)
    items.add_all([2, 3])
    for item in items:
        items.add(item * 10)
    assert list(items) == [1, 2, 3, 10, 20, 30]
    items.update([4])
    assert list(items.get()) == [4]
    items.clear()
    assert list(items) == []
    mapping: Any = backend.get_broadcast_state(MAP)
    assert mapping is backend.get_broadcast_state(MAP)
    mapping["a"] = 1
    mapping.put_all({"b": 2})
    assert dict(mapping.items()) == {"a": 1, "b": 2}
    assert backend.items(" own") is None
    backend.put_items(" own", [1])
    assert backend.items(" own") == [1]


@pytest.mark.parametrize("asked_first", [False, True])
def test_a_snapshot_is_of_one_moment(asked_first: bool) -> None:
    backend = _backend()
    items: Any = backend.get_list_state(LIST)
    union: Any = backend.get_list_state(ListStateDescriptor("union"), UNION)
    mapping: Any = backend.get_broadcast_state(MAP)
    items.add_all([1, "a", Offset(1, [2]), None])
    union.add_all([1, 2])
    mapping.put_all({"a": Offset(3), "b": [1]})
    backend.put_items(" own", [{1}, "x"], BROADCAST)
    running = backend.start_snapshot(SnapshotOptions())
    items.get()[2].marks.append(9)
    items.add(5)
    union.clear()
    mapping.get("b").append(2)
    mapping.remove("a")
    backend.put_items(" own", [])
    handles = list(running.write(MemorySnapshotStreams()))
    running.discard()
    assert {(handle.name, handle.mode) for handle in handles} == {
        ("list", "SPLIT"),
        ("union", "UNION"),
        ("map", "BROADCAST"),
        (" own", "BROADCAST"),
    }
    other = _backend()
    if asked_first:
        items, mapping = other.get_list_state(LIST), other.get_broadcast_state(MAP)
        items.add("before")
        mapping.put("before", 1)
        other.put_items(" own", ["before"], BROADCAST)
    other.restore(handles, SnapshotReader())
    assert list(other.get_list_state(LIST)) == [1, "a", Offset(1, [2]), None]
    assert list(other.get_list_state(ListStateDescriptor("union"), UNION)) == [1, 2]
    assert dict(other.get_broadcast_state(MAP).items()) == {"a": Offset(3), "b": [1]}
    assert other.items(" own") == [{1}, "x"]
    if asked_first:
        assert list(items) == list(other.get_list_state(LIST))
        assert dict(mapping.items()) == dict(other.get_broadcast_state(MAP).items())


@given(st.lists(st.integers() | st.builds(Offset, st.integers()) | st.text(max_size=3), max_size=12), st.data())
def test_items_can_be_divided_without_looking_into_them(items: list[Any], data: st.DataObject) -> None:
    backend = _backend()
    state: Any = backend.get_list_state(LIST)
    state.add_all(items)
    backend.put_items(" own", items)
    found: dict[str, list[Any]] = {"list": [], " own": []}
    for handle in _snapshot(backend):
        cut = data.draw(st.integers(0, len(items)))
        for some in (slice(None, cut), slice(cut, None)):
            share = OperatorStateHandle(
                name=handle.name,
                mode=handle.mode,
                bytes=handle.bytes,
                offsets=handle.offsets[some],
                lengths=handle.lengths[some],
            )
            # Through a second snapshot in which nobody has asked for it.
            again = _restored(_snapshot(_restored([share])))
            found[handle.name] += again.get_list_state(LIST) if handle.name == "list" else again.items(" own") or []
    assert found == {"list": items, " own": items}


def test_several_handles() -> None:
    backends = [_backend(), _backend()]
    for number, backend in enumerate(backends):
        backend.get_list_state(LIST).add(number)
        backend.get_broadcast_state(MAP).put("same", [1])
        backend.put_items(" all", ["same"], BROADCAST)
    handles = [handle for backend in backends for handle in _snapshot(backend)]
    other = _restored(handles)
    assert list(other.get_list_state(LIST)) == [0, 1]
    assert dict(other.get_broadcast_state(MAP).items()) == {"same": [1]}
    assert other.items(" all") == ["same"]


def test_clashes_are_refused() -> None:
    backend = _backend()
    backend.get_list_state(ListStateDescriptor("s", Types.INT())).add(1)
    with pytest.raises(MillstreamError, match="'s' is list state already and cannot be union list state as well"):
        backend.get_list_state(ListStateDescriptor("s", Types.INT()), UNION)
    with pytest.raises(MillstreamError, match="'s' is list state already and cannot be broadcast state as well"):
        backend.get_broadcast_state(MapStateDescriptor("s"))
    with pytest.raises(MillstreamError, match=r"'s' has the type .* already"):
        backend.get_list_state(ListStateDescriptor("s", Types.STRING()))
    with pytest.raises(MillstreamError, match="described by a MapStateDescriptor, not by ListState"):
        backend.get_broadcast_state(LIST)  # type: ignore[arg-type]  # a mistake
    expiring = ListStateDescriptor("t")
    expiring.enable_time_to_live(StateTtlConfig.new_builder(Time.hours(1)).build())
    with pytest.raises(MillstreamError, match="'t' belongs to no key, so that it cannot have a time to live"):
        backend.get_list_state(expiring)
    handles = _snapshot(backend)
    with pytest.raises(MillstreamError, match="'s' is list state already and cannot be union"):
        _restored(handles).get_list_state(ListStateDescriptor("s"), UNION)
    with pytest.raises(MillstreamError, match=r"'s' .* declared as LIST"):
        _restored(handles).get_list_state(ListStateDescriptor("s", Types.STRING()))
    other = _backend()
    other.get_broadcast_state(MapStateDescriptor("s"))
    with pytest.raises(MillstreamError, match="'s' is list state in the snapshot and broadcast state in the program"):
        other.restore(handles, SnapshotReader())


def test_elements_evolve(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = _backend()
    backend.get_list_state(ListStateDescriptor("numbers", Types.INT())).add(1)
    backend.get_list_state(LIST).add(Offset(1))
    backend.get_broadcast_state(MAP).put("k", Offset(2))
    handles = _snapshot(backend)
    new: Any = dataclasses.make_dataclass(
        "Offset", [("partition", float), ("topic", str, dataclasses.field(default="t"))]
    )
    new.__module__ = __name__
    monkeypatch.setattr(sys.modules[__name__], "Offset", new)
    other = _restored(handles)
    assert repr(list(other.get_list_state(ListStateDescriptor("numbers", Types.DOUBLE())))) == "[1.0]"
    assert list(other.get_list_state(LIST)) == [new(1.0, "t")]
    assert other.get_broadcast_state(MAP).get("k") == new(2.0, "t")


def test_what_cannot_be_pickled_and_what_is_broken_is_named() -> None:
    backend = _backend()
    backend.get_list_state(LIST).add(threading.Lock())
    with pytest.raises(MillstreamError, match=r"value of state 'list' .* cannot be pickled"):
        backend.start_snapshot(SnapshotOptions())
    backend.get_list_state(LIST).clear()
    backend.put_items(" own", [threading.Lock()])
    with pytest.raises(MillstreamError, match="an item of the state 'own' of an operator cannot be pickled"):
        _snapshot(backend)
    backend.put_items(" own", [1])
    (handle,) = [handle for handle in _snapshot(backend) if handle.name == " own"]
    handle.lengths[0] += 1
    with pytest.raises(MillstreamError, match="cannot be read as the state 'own' of an operator: it ends too early"):
        _restored([handle])


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ([1, "a", None, 2.5, (1, ("x", b"y"))], True),
        ([[1], [2, "a"]], True),
        ([{"a": 1}, {}], True),
        ([[1], {"a": 1}], False),
        ([[[1]]], False),
        ([(1, [2])], False),
        ([Offset(1)], False),
        ([{"a": [1]}], False),
        ([(((((1,),),),),)], False),
        ([], True),
    ],
)
def test_what_can_be_held_without_serialising_it(values: list[Any], held: bool) -> None:
    found = held_values(values)
    assert (found == values) if held else found is None
    if found is not None:
        for one, other in zip(found, values, strict=True):
            assert one is not other or not isinstance(one, (list, dict))
