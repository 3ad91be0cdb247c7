"""State whose classes and types have changed since it was stored: what is bridged, and what is refused by name."""

from __future__ import annotations

import collections
import dataclasses
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from millstream.common.checkpoint.snapshot_reader import SnapshotReader
from millstream.common.errors import MillstreamError
from millstream.common.time import Time
from millstream.common.typeinfo import Types
from millstream.common.types import Row
from millstream.datastream.state import (
    ListStateDescriptor,
    MapStateDescriptor,
    StateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
)
from tests.unit.taskmanager.state.snapshots import heap, restored, snapshot

HERE = sys.modules[__name__]


@pytest.fixture
def declare() -> Iterator[Callable[..., Any]]:
    """Declares a class of this module anew, as another version of a program does."""

    def declare_class(base: Any, **attributes: Any) -> Any:
        hints = {name: hint for name, hint in attributes.items() if not name.startswith("default_")}
        defaults = {name.removeprefix("default_"): each for name, each in attributes.items() if name not in hints}
        made: Any
        if base is NamedTuple:
            # typing's own has no way to give defaults without a class statement.
            make: Any = collections.namedtuple  # noqa: PYI024
            made = make("Thing", hints, defaults=list(defaults.values()))
            made.__annotations__ = hints
        else:
            fields: list[Any] = [
                (name, hint, dataclasses.field(**_default(defaults[name]))) if name in defaults else (name, hint)
                for name, hint in hints.items()
            ]
            made = dataclasses.make_dataclass("Thing", fields, slots=base == "slots", frozen=base == "frozen")
        made.__module__ = __name__
        made.__qualname__ = "Thing"
        HERE.Thing = made  # type: ignore[attr-defined]
        return made

    yield declare_class
    if hasattr(HERE, "Thing"):
        del HERE.Thing


def _default(value: Any) -> dict[str, Any]:
    return {"default_factory": value} if callable(value) else {"default": value}


def _ttl(descriptor: StateDescriptor) -> Any:
    descriptor.enable_time_to_live(StateTtlConfig.new_builder(Time.hours(1)).build())
    return descriptor


def _stored(descriptor: Any, put: Callable[[Any], None]) -> Any:
    backend = heap()
    state = backend.get_state(descriptor)
    for backend.key in ("a", "b"):
        put(state)
    return snapshot(backend)


def _read(handle: Any, descriptor: Any, key: str = "b") -> Any:
    backend = restored([handle])
    state = backend.get_state(descriptor)
    backend.key = key
    return state


@pytest.mark.parametrize("kind", ["plain", "slots", "frozen"])
@pytest.mark.parametrize("expires", [False, True])
def test_fields_of_a_dataclass_come_and_go(declare: Callable[..., Any], kind: str, expires: bool) -> None:
    old = declare(kind, x=int, gone=str, y=float)
    made = ValueStateDescriptor("s")
    handle = _stored(_ttl(made) if expires else made, lambda state: state.update(old(1, "text", 2.5)))
    new = declare(kind, y=float, x=float, added=list, note=str, default_added=list, default_note="none")
    again = ValueStateDescriptor("s")
    value = _read(handle, _ttl(again) if expires else again).value()
    assert value == new(2.5, 1.0, [], "none")
    assert type(value.x) is float
    other = _read(handle, _ttl(ValueStateDescriptor("s")) if expires else ValueStateDescriptor("s"), "a").value()
    assert other.added is not value.added


def test_elements_of_lists_and_values_of_maps_evolve(declare: Callable[..., Any]) -> None:
    old = declare("plain", x=int)
    lists = _stored(ListStateDescriptor("l"), lambda state: state.add_all([old(1), old(2)]))
    maps = _stored(MapStateDescriptor("m"), lambda state: state.put_all({"k": old(1), "n": None}))
    new = declare("plain", x=int, y=int, default_y=7)
    assert list(_read(lists, ListStateDescriptor("l"))) == [new(1, 7), new(2, 7)]
    assert dict(_read(maps, MapStateDescriptor("m")).items()) == {"k": new(1, 7), "n": None}


def test_records_in_records_evolve(declare: Callable[..., Any]) -> None:
    old = declare("plain", x=int)
    handle = _stored(ValueStateDescriptor("s"), lambda state: state.update(Outer(1, old(2))))
    new = declare("plain", y=int, x=int, default_y=0, default_x=0)
    assert _read(handle, ValueStateDescriptor("s")).value() == Outer(1, new(0, 2))


@dataclasses.dataclass
class Outer:
    number: int
    inner: Any


def test_fields_of_a_named_tuple_come_and_go(declare: Callable[..., Any]) -> None:
    old = declare(NamedTuple, x=int, gone=str, y=int)
    handle = _stored(ValueStateDescriptor("s"), lambda state: state.update(old(1, "text", 2)))
    new = declare(NamedTuple, y=float, x=int, added=str, default_added="new")
    value = _read(handle, ValueStateDescriptor("s")).value()
    assert (value, type(value)) == (new(2.0, 1, "new"), new)


def test_a_new_field_without_a_default_is_refused(declare: Callable[..., Any]) -> None:
    for kind in ("plain", NamedTuple):
        old = declare(kind, x=int)
        handle = _stored(ValueStateDescriptor("s"), lambda state, old=old: state.update(old(1)))  # type: ignore[misc]  # mypy does not see the default
        declare(kind, x=int, added=str)
        with pytest.raises(
            MillstreamError, match=r"state 's' .*the field 'added' of .*Thing is new and has no default"
        ):
            _read(handle, ValueStateDescriptor("s"))


def test_a_field_of_another_type_is_refused(declare: Callable[..., Any]) -> None:
    old = declare("plain", x=str)
    handle = _stored(ValueStateDescriptor("s"), lambda state: state.update(old("1")))
    declare("plain", x=int)
    with pytest.raises(MillstreamError, match=r"state 's' .*field 'x' of dataclass .*Thing was STRING and is LONG now"):
        _read(handle, ValueStateDescriptor("s"))


def test_a_class_that_is_no_record_any_more_or_gone_is_refused(declare: Callable[..., Any]) -> None:
    old = declare("plain", x=int)
    handle = _stored(ValueStateDescriptor("s"), lambda state: state.update(old(1)))
    HERE.Thing = type("Thing", (), {"__module__": __name__})  # type: ignore[attr-defined]
    with pytest.raises(MillstreamError, match=r"state 's' .*Thing is not a dataclass of plain fields any more"):
        _read(handle, ValueStateDescriptor("s"))


def test_a_declared_class_takes_the_place_of_one_that_was_renamed(declare: Callable[..., Any]) -> None:
    old = declare("plain", number=int, inner=str)
    descriptor = ValueStateDescriptor("s", Types.POJO(old))
    handle = _stored(descriptor, lambda state: state.update(old(1, "i")))
    assert _read(handle, ValueStateDescriptor("s", Types.POJO(Outer))).value() == Outer(1, "i")


def test_rows_follow_their_declaration() -> None:
    old = Types.ROW_NAMED(["a", "b", "c"], [Types.INT(), Types.STRING(), Types.LONG()])
    new = Types.ROW_NAMED(["c", "d", "a"], [Types.LONG(), Types.STRING(), Types.DOUBLE()])
    handle = _stored(ValueStateDescriptor("s", old), lambda state: state.update(Row(a=1, b="x", c=3)))
    assert _read(handle, ValueStateDescriptor("s", new)).value() == Row(c=3, d=None, a=1.0)
    assert _read(handle, ValueStateDescriptor("s")).value() == Row(a=1, b="x", c=3)
    by_position = _stored(ValueStateDescriptor("s", old), lambda state: state.update(Row(1, "x", 3)))
    assert _read(by_position, ValueStateDescriptor("s", new)).value() == Row(3, None, 1.0)
    bad = Types.ROW_NAMED(["b"], [Types.INT()])
    with pytest.raises(MillstreamError, match=r"state 's' .*field 'b' of row was STRING and is INT now"):
        _read(handle, ValueStateDescriptor("s", bad))


@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        (Types.INT(), Types.LONG(), 1, 1),
        (Types.INT(), Types.DOUBLE(), 1, 1.0),
        (Types.FLOAT(), Types.DOUBLE(), 1.5, 1.5),
        (None, Types.INT(), "not checked", "not checked"),
        (Types.INT(), None, 1, 1),
        (Types.INT(), Types.PICKLED_BYTE_ARRAY(), 1, 1),
        (Types.LIST(Types.INT()), Types.LIST(Types.DOUBLE()), [1, 2], [1.0, 2.0]),
        (
            Types.TUPLE([Types.INT(), Types.STRING()]),
            Types.TUPLE([Types.FLOAT(), Types.STRING()]),
            (1, "a"),
            (1.0, "a"),
        ),
        (Types.MAP(Types.STRING(), Types.INT()), Types.MAP(Types.STRING(), Types.DOUBLE()), {"a": 1}, {"a": 1.0}),
        (Types.INT(), Types.INT(), "declared wrongly, all the time", "declared wrongly, all the time"),
    ],
)
def test_declared_types_widen(old: Any, new: Any, before: Any, after: Any) -> None:
    handle = _stored(ValueStateDescriptor("s", old), lambda state: state.update(before))
    value = _read(handle, ValueStateDescriptor("s", new)).value()
    assert repr(value) == repr(after)


def test_declared_elements_widen() -> None:
    lists = _stored(ListStateDescriptor("l", Types.INT()), lambda state: state.add_all([1, 2]))
    assert repr(list(_read(lists, ListStateDescriptor("l", Types.DOUBLE())))) == "[1.0, 2.0]"
    declared = _ttl(MapStateDescriptor("m", Types.STRING(), Types.INT()))
    maps = _stored(declared, lambda state: state.put("k", 1))
    widened = _ttl(MapStateDescriptor("m", Types.STRING(), Types.DOUBLE()))
    assert repr(dict(_read(maps, widened).items())) == "{'k': 1.0}"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (Types.STRING(), Types.INT(), "STRING cannot become INT"),
        (Types.LONG(), Types.INT(), "LONG cannot become INT"),
        (Types.DOUBLE(), Types.FLOAT(), "DOUBLE cannot become FLOAT"),
        (Types.LIST(Types.STRING()), Types.LIST(Types.INT()), "STRING cannot become INT"),
        (Types.TUPLE([Types.INT()]), Types.TUPLE([Types.INT(), Types.INT()]), "cannot become TUPLE"),
        (Types.TUPLE([Types.STRING()]), Types.TUPLE([Types.INT()]), "in it f0: STRING and INT"),
    ],
)
def test_other_declarations_are_refused(old: Any, new: Any, named: str) -> None:
    handle = _stored(ValueStateDescriptor("s", old), lambda state: state.update(None) or state.update("x"))
    with pytest.raises(MillstreamError, match=r"state 's' cannot be restored from .*declared as") as raised:
        _read(handle, ValueStateDescriptor("s", new))
    assert named in str(raised.value)


def test_another_kind_or_time_to_live_is_refused() -> None:
    handle = _stored(ValueStateDescriptor("s"), lambda state: state.update(1))
    with pytest.raises(MillstreamError, match="'s' is value state already and cannot be list state"):
        _read(handle, ListStateDescriptor("s"))
    with pytest.raises(MillstreamError, match="'s' was used without a time to live before and has one now"):
        _read(handle, _ttl(ValueStateDescriptor("s")))
    backend = heap()
    backend.get_state(ListStateDescriptor("s"))
    with pytest.raises(MillstreamError, match=r"'s' is value state without .* in the snapshot and list state"):
        backend.restore([handle], SnapshotReader())


def test_state_that_nobody_asks_for_is_kept_without_its_classes(declare: Callable[..., Any]) -> None:
    old = declare("plain", x=int)
    handle = _stored(ValueStateDescriptor("s"), lambda state: state.update(old(1)))
    del HERE.Thing
    backend = restored([handle])
    backend.key = "c"
    other: Any = backend.get_state(ValueStateDescriptor("t"))
    other.update("beside it")
    later = snapshot(backend)
    new = declare("plain", x=int, y=int, default_y=2)
    assert _read(later, ValueStateDescriptor("s")).value() == new(1, 2)
    assert _read(later, ValueStateDescriptor("t"), "c").value() == "beside it"


def test_classes_of_a_script_come_back_as_what_they_are_now() -> None:
    @dataclasses.dataclass
    class Local:
        x: int

    handle = _stored(ValueStateDescriptor("s"), lambda state: state.update(Local(3)))
    value = _read(handle, ValueStateDescriptor("s")).value()
    assert (type(value), value) == (Local, Local(3))
