"""Streams of declared types between slots."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Row, RowKind, Types
from millstream.common.errors import JobExecutionError
from millstream.datastream import SourceContext, SourceFunction, StreamExecutionEnvironment
from millstream.testing import environment_for


class Word(NamedTuple):
    text: str
    number: int


@dataclasses.dataclass
class Reading:
    sensor: str
    celsius: float | None


class Emitting(SourceFunction):
    def __init__(self, *values: Any) -> None:
        self.values = values

    def run(self, ctx: SourceContext) -> None:
        for value in self.values:
            ctx.collect(value)

    def cancel(self) -> None:
        pass


@pytest.fixture
def env() -> Iterator[StreamExecutionEnvironment]:
    with MiniCluster(2, 2, "process") as cluster, environment_for(cluster) as environment:
        environment.set_parallelism(4)
        yield environment


WORD = Types.CASE_CLASS(Word, [Types.STRING(), Types.INT()])
ROW = Types.ROW_NAMED(["id", "name"], [Types.LONG(), Types.STRING()])
READING = Types.POJO(Reading, {"sensor": Types.STRING(), "celsius": Types.DOUBLE()})


def test_records_arrive_as_they_were_in_other_slots(env: StreamExecutionEnvironment) -> None:
    numbers = env.from_sequence(0, 999)
    words = numbers.map(lambda n: (f"w{n % 10}", n), WORD).key_by(lambda word: word.text)
    totals = dict(words.reduce(lambda a, b: Word(a.text, a.number + b.number)).execute_and_collect())
    assert totals == {f"w{n}": sum(range(n, 1000, 10)) for n in range(10)}
    deleted = numbers.map(lambda n: Row.of_kind(RowKind.DELETE, n, None if n % 2 else str(n)), ROW).shuffle()
    rows = list(deleted.map(lambda row: row).execute_and_collect())
    expected = [Row.of_kind(RowKind.DELETE, id=n, name=None if n % 2 else str(n)) for n in range(1000)]
    assert sorted(rows, key=lambda row: row.id) == expected
    readings = numbers.map(lambda n: Reading(f"s{n}", n / 2), READING).rebalance().map(lambda r: (r.sensor, r.celsius))
    assert sorted(readings.execute_and_collect()) == sorted((f"s{n}", n / 2) for n in range(1000))


def test_a_sources_records_are_of_its_type(env: StreamExecutionEnvironment) -> None:
    pairs = env.add_source(Emitting((1, "a"), [True, None]), "pairs", Types.TUPLE([Types.INT(), Types.STRING()]))
    assert sorted(map(repr, pairs.rebalance().map(lambda v: v).execute_and_collect())) == ["(1, 'a')", "(1, None)"]
    env.add_source(Emitting(1, "abc"), "numbers", Types.INT()).rebalance().print()
    with pytest.raises(JobExecutionError) as caught:
        env.execute()
    assert "'abc' of type str is no Integer" in str(caught.value)
    assert "numbers" in str(caught.value)


def test_what_was_never_converted_is_refused_where_it_is_sent(env: StreamExecutionEnvironment) -> None:
    # So many that some surely go to another slot: within one they are not encoded.
    stated = env.from_collection([1, *["abc"] * 20]).filter(lambda v: True).name("all")
    stated.returns(Types.INT()).rebalance().map(lambda v: v).print()
    with pytest.raises(JobExecutionError) as caught:
        env.execute()
    assert "Operator 'all' emitted 'abc' of type str into a stream that is declared as Integer" in str(caught.value)


def test_a_sum_that_no_longer_fits(env: StreamExecutionEnvironment) -> None:
    pair = Types.TUPLE([Types.STRING(), Types.BYTE()])
    env.from_collection([("a", 100), ("a", 28)], pair).key_by(0).sum(1).name("total").print()
    with pytest.raises(JobExecutionError) as caught:
        env.execute()
    assert "128 of type int is no Byte" in str(caught.value)
    assert "total" in str(caught.value)
