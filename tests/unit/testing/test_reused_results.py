"""A function may give the same object again and again, and change it in between: what it gave before stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from millstream.common import Row, Types
from millstream.datastream import DataStream, StreamExecutionEnvironment
from millstream.datastream.functions import (
    CoMapFunction,
    FlatMapFunction,
    KeyedProcessFunction,
    MapFunction,
    ProcessFunction,
    RuntimeContext,
    SourceContext,
    SourceFunction,
)
from millstream.datastream.state import ListStateDescriptor, ValueStateDescriptor
from millstream.testing.pytest_plugin import environment, mini_cluster

__all__ = ["environment", "mini_cluster"]  # fixtures

NUMBERS = list(range(30))
GROWING = [list(range(last + 1)) for last in NUMBERS]


class Stats:
    """A user's own class."""

    def __init__(self) -> None:
        self.seen: list[int] = []


class Remembers(MapFunction):
    def __init__(self) -> None:
        self.seen: list[int] = []

    def map(self, value: int) -> list[int]:
        self.seen.append(value)
        return self.seen


class RemembersInRow(MapFunction):
    def __init__(self) -> None:
        self.row = Row(seen=[])

    def map(self, value: int) -> Row:
        self.row["seen"].append(value)
        return self.row


class RemembersFlat(FlatMapFunction):
    def __init__(self) -> None:
        self.seen: dict[int, None] = {}

    def flat_map(self, value: int) -> Iterator[tuple[str, dict[int, None]]]:
        self.seen[value] = None
        yield "seen", self.seen


class RemembersInState(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.value = runtime_context.get_state(ValueStateDescriptor("value", Types.PICKLED_BYTE_ARRAY()))

    def process_element(self, value: int, ctx: KeyedProcessFunction.Context) -> Iterator[tuple[str, Stats]]:
        stats = self.value.value() or Stats()
        stats.seen.append(value)
        self.value.update(stats)
        yield "stats", stats


class RemembersInListState(MapFunction):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.values = runtime_context.get_list_state(ListStateDescriptor("values", Types.INT()))

    def map(self, value: int) -> Any:
        self.values.add(value)
        return self.values.get()


class Collects(ProcessFunction):
    def __init__(self) -> None:
        self.seen: list[int] = []

    def process_element(self, value: int, ctx: Any, out: Any) -> None:  # type: ignore[override]  # collectors are allowed
        self.seen.append(value)
        out.collect(self.seen)


class RemembersBoth(CoMapFunction):
    def __init__(self) -> None:
        self.seen: list[int] = []

    def map1(self, value: int) -> list[int]:
        self.seen.append(value)
        return self.seen

    def map2(self, value: int) -> None:
        return None


class Counts(SourceFunction):
    def run(self, ctx: SourceContext) -> None:
        seen: list[int] = []
        for number in NUMBERS:
            seen.append(number)
            ctx.collect(seen)

    def cancel(self) -> None:
        pass


def grows(_value: int) -> Iterator[list[int]]:
    seen: list[int] = []
    for number in NUMBERS:
        seen.append(number)
        yield seen


def with_closure() -> Callable[[int], list[int]]:
    seen: list[int] = []

    def remember(value: int) -> list[int]:
        seen.append(value)
        return seen

    return remember


PROGRAMS: dict[str, Callable[[DataStream], DataStream]] = {
    "map": lambda stream: stream.map(Remembers()),
    "typed map": lambda stream: stream.map(Remembers(), Types.LIST(Types.LONG())),
    "map to a row": lambda stream: stream.map(RemembersInRow()).map(lambda row: row["seen"]),
    "map that is filtered": lambda stream: stream.map(Remembers()).filter(lambda seen: True),
    "closure": lambda stream: stream.map(with_closure()),
    "flat_map": lambda stream: stream.flat_map(RemembersFlat()).map(lambda pair: list(pair[1])),
    "generator": lambda stream: stream.filter(lambda value: value == 0).flat_map(grows),
    "typed generator": lambda stream: stream.filter(lambda value: value == 0).flat_map(grows, Types.LIST(Types.LONG())),
    "state": lambda stream: stream.key_by(lambda _: 0).process(RemembersInState()).map(lambda pair: pair[1].seen),
    "list state": lambda stream: stream.key_by(lambda _: 0).map(RemembersInListState()).map(list),
    "collector": lambda stream: stream.process(Collects()),
    "two inputs": lambda stream: stream.connect(stream.filter(lambda _: False)).map(RemembersBoth()),
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_what_was_given_before_stays(environment: StreamExecutionEnvironment, program: Any) -> None:
    environment.set_parallelism(1)
    environment.disable_operator_chaining()
    assert list(program(environment.from_collection(NUMBERS)).execute_and_collect()) == GROWING


def test_of_a_source_too(environment: StreamExecutionEnvironment) -> None:
    assert list(environment.add_source(Counts()).execute_and_collect()) == GROWING
