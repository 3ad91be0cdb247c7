"""Jobs with functions that wait."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from millstream.common import JobStatus, Time, Types, WatermarkStrategy
from millstream.common.errors import JobExecutionError
from millstream.common.watermark_strategy import TimestampAssigner
from millstream.datastream import (
    AsyncDataStream,
    AsyncFunction,
    AsyncRetryStrategy,
    ResultFuture,
    RuntimeContext,
    StreamExecutionEnvironment,
    async_retry_predicates,
)
from millstream.datastream.connectors import NumberSequenceSource
from millstream.datastream.functions import ProcessFunction


class InTurns(AsyncFunction[int, int]):
    """The later records of each ten are done first."""

    async def async_invoke(self, value: int) -> list[int]:
        for _ in range(10 - value % 10):
            await asyncio.sleep(0)
        return [value]


class InPool(AsyncFunction[int, int]):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.pool = ThreadPoolExecutor(2)

    def close(self) -> None:
        self.pool.shutdown()

    def async_invoke(self, value: int, result_future: ResultFuture[int]) -> None:  # type: ignore[override]  # callback style
        self.pool.submit(lambda: result_future.complete([value * 2]))


class FailsTwice(AsyncFunction[int, Any]):
    def open(self, runtime_context: RuntimeContext) -> None:
        self.attempts: Counter[int] = Counter()

    async def async_invoke(self, value: int) -> list[Any]:
        self.attempts[value] += 1
        if self.attempts[value] < 3:
            raise ConnectionError("try again")
        return [(value, self.attempts[value])]


class Hangs(AsyncFunction[int, str]):
    async def async_invoke(self, value: int) -> list[str]:
        await asyncio.Event().wait()
        return []


class HangsAndTells(Hangs):
    """Writes to a named pipe when it is called first."""

    def __init__(self, pipe: Path) -> None:
        self.pipe = pipe

    async def async_invoke(self, value: int) -> list[str]:
        if value == 0:
            self.pipe.write_text("called")
        return await super().async_invoke(value)


class HangsNotForEver(Hangs):
    def timeout(self, value: int) -> list[str]:
        return [f"default of {value}"]


def collected(stream: Any) -> list[Any]:
    with stream.execute_and_collect() as results:
        return list(results)


@pytest.mark.parametrize("capacity", [1, 3, 100])
def test_ordered(environment: StreamExecutionEnvironment, capacity: int) -> None:
    stream = environment.set_parallelism(1).from_sequence(0, 3000)
    done = AsyncDataStream.ordered_wait(stream, InTurns(), Time.seconds(60), capacity)
    assert collected(done.map(lambda v: v + 1)) == list(range(1, 3002))


def test_unordered(environment: StreamExecutionEnvironment) -> None:
    stream = environment.set_parallelism(2).from_sequence(0, 3000)
    results = collected(AsyncDataStream.unordered_wait(stream, InTurns(), Time.seconds(60), 10, Types.LONG()))
    assert results != sorted(results)
    assert sorted(results) == list(range(3001))


def test_on_a_keyed_stream_from_threads(environment: StreamExecutionEnvironment) -> None:
    stream = environment.set_parallelism(2).from_collection(list(range(500))).key_by(lambda v: v % 7)
    done = AsyncDataStream.unordered_wait(stream, InPool(), Time.seconds(60), 5)
    assert sorted(collected(done)) == [value * 2 for value in range(500)]


def test_retries_go_on_after_the_end_of_the_input(environment: StreamExecutionEnvironment) -> None:
    strategy = AsyncRetryStrategy.exponential_backoff(
        5, 1, 4, 2.0, None, async_retry_predicates.has_exception_predicate
    )
    stream = environment.set_parallelism(1).from_collection([1, 2, 3])
    done = AsyncDataStream.ordered_wait_with_retry(stream, FailsTwice(), Time.seconds(60), strategy)
    assert collected(done) == [(1, 3), (2, 3), (3, 3)]


def test_timeouts(environment: StreamExecutionEnvironment) -> None:
    stream = environment.set_parallelism(1).from_collection([1, 2, 3])
    done = AsyncDataStream.unordered_wait(stream, HangsNotForEver(), Time.milliseconds(5), 2)
    assert collected(done) == ["default of 1", "default of 2", "default of 3"]


def test_a_timeout_fails_the_job(environment: StreamExecutionEnvironment) -> None:
    stream = environment.set_parallelism(1).from_collection([1])
    AsyncDataStream.ordered_wait(stream, Hangs(), Time.milliseconds(5)).name("look up").print()
    with pytest.raises(JobExecutionError) as caught:
        environment.execute()
    failure = caught.value.failure
    assert (failure.operator_name, failure.phase, failure.record) == ("look up", "timeout", "1")
    assert "has timed out for input: 1" in str(caught.value)


def test_records_are_on_time_behind_an_async_function(environment: StreamExecutionEnvironment) -> None:
    class IsLate(ProcessFunction):
        def process_element(self, value: int, ctx: ProcessFunction.Context) -> Any:
            yield (value, ctx.timestamp(), (ctx.timestamp() or 0) <= ctx.timer_service().current_watermark())

    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(_Itself())
    stream = environment.set_parallelism(1).from_collection(list(range(200)))
    stream = stream.assign_timestamps_and_watermarks(strategy)
    done = AsyncDataStream.unordered_wait(stream, InTurns(), Time.seconds(60), 20).process(IsLate())
    assert sorted(collected(done)) == [(value, value, False) for value in range(200)]


def test_a_job_is_cancelled_while_its_functions_wait(environment: StreamExecutionEnvironment, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    source = NumberSequenceSource(0, 10**9)
    stream = environment.set_parallelism(1).from_source(source, WatermarkStrategy.no_watermarks(), "numbers")
    AsyncDataStream.ordered_wait(stream, HangsAndTells(pipe), 0).print()
    client = environment.execute_async()
    assert pipe.read_text() == "called"
    client.cancel().result()
    with pytest.raises(Exception, match="cancel"):
        client.get_job_execution_result().result()
    assert client.get_job_status().result() is JobStatus.CANCELED


class _Itself(TimestampAssigner):
    def extract_timestamp(self, value: int, record_timestamp: int) -> int:
        return value
