"""Programs as users write them, from the first line to the result, in both kinds of embedded cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Row, Types
from millstream.common.errors import JobExecutionError
from millstream.datastream import RuntimeExecutionMode, StreamExecutionEnvironment
from millstream.testing import environment_for

LINES = ["to be or not", "to be that is", "the question"]
COUNTS = {"to": 2, "be": 2, "or": 1, "not": 1, "that": 1, "is": 1, "the": 1, "question": 1}


@pytest.fixture(params=["process", "thread"])
def env(request: pytest.FixtureRequest) -> Iterator[StreamExecutionEnvironment]:
    with MiniCluster(1, 2, request.param) as cluster, environment_for(cluster) as environment:
        yield environment


def words(line: str) -> Iterator[str]:
    yield from line.split()


@pytest.mark.parametrize("mode", [RuntimeExecutionMode.BATCH, RuntimeExecutionMode.AUTOMATIC])
def test_word_count_in_batch_mode(env: StreamExecutionEnvironment, mode: RuntimeExecutionMode) -> None:
    env.set_runtime_mode(mode)
    pairs = env.from_collection(LINES).flat_map(words).map(lambda w: (w, 1), Types.TUPLE([Types.STRING(), Types.INT()]))
    reduced = pairs.key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))
    assert sorted(reduced.execute_and_collect()) == sorted(COUNTS.items())
    assert sorted(pairs.key_by(0).sum(1).execute_and_collect()) == sorted(COUNTS.items())


def test_word_count_gives_each_step_when_it_streams(env: StreamExecutionEnvironment) -> None:
    pairs = env.from_collection(LINES).flat_map(words).map(lambda w: (w, 1))
    counted = sorted(pairs.key_by(0).sum(1).execute_and_collect())
    assert len(counted) == sum(COUNTS.values())
    assert dict(counted) == COUNTS


def test_records_are_what_their_type_says(env: StreamExecutionEnvironment) -> None:
    row = Types.ROW_NAMED(["id", "share"], [Types.SHORT(), Types.FLOAT()])
    rows = env.from_collection([1, 2.5]).map(lambda n: (n, 0.1), row)
    single = 0.10000000149011612
    results = sorted(rows.execute_and_collect(), key=list)
    assert results == [Row(id=1, share=single), Row(id=2, share=single)]
    assert sorted(rows.map(lambda r: r.id + 1).execute_and_collect()) == [2, 3]
    assert list(env.from_collection([2**31], Types.INT()).execute_and_collect()) == [-(2**31)]


def test_a_result_that_is_not_of_its_type(env: StreamExecutionEnvironment) -> None:
    env.from_collection(["abc"]).map(lambda text: text, Types.INT()).name("parse").print()
    with pytest.raises(JobExecutionError) as caught:
        env.execute()
    assert "'abc' of type str is no Integer" in str(caught.value)
    assert "parse" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"), [("caf\udce9", "ValueError: caf\\udce9"), ("x" * 3_000_000, "ValueError: xxx")]
)
def test_a_failure_reaches_the_client_whatever_its_text(env: StreamExecutionEnvironment, text: str, shown: str) -> None:
    def fails(value: Any) -> Any:
        raise ValueError(text)

    env.from_collection([1]).map(fails).print()
    with pytest.raises(JobExecutionError) as caught:
        env.execute()
    assert str(caught.value).startswith(shown)


def test_a_key_that_cannot_be_partitioned(env: StreamExecutionEnvironment) -> None:
    env.from_collection([([1], 2)]).key_by(0).sum(1).print()
    with pytest.raises(JobExecutionError) as caught:
        env.execute()
    first = str(caught.value).splitlines()[0]
    assert "Type list cannot be used as a key" in first
    assert "record ([1], 2)" in first
    assert "/millstream/" not in first
