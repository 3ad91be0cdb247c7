"""AsyncDataStream as a program sees it."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import cloudpickle
import pytest

from millstream.common import Duration, Time, Types
from millstream.common.graph.operator_spec import AsyncSpec
from millstream.datastream import (
    AsyncDataStream,
    AsyncFunction,
    AsyncRetryStrategy,
    MapFunction,
    ResultFuture,
    StreamExecutionEnvironment,
    async_retry_predicates,
    async_retry_strategies,
)
from tests.unit.datastream.conftest import RecordingExecutor


class LookUp(AsyncFunction[Any, Any]):
    async def async_invoke(self, value: Any) -> list[Any]:
        return [value]


class CallsBack(AsyncFunction[Any, Any]):
    def async_invoke(self, value: Any, result_future: ResultFuture[Any]) -> None:  # type: ignore[override]  # callback style
        result_future.complete([value])


async def look_up(value: Any) -> list[Any]:
    return [value]


def spec_of(executor: RecordingExecutor, env: StreamExecutionEnvironment) -> AsyncSpec:
    env.execute()
    operators = [each for vertex in executor.graphs[-1].vertices for each in vertex.operators]
    [operator] = [each for each in operators if each.kind == "async"]
    assert operator.name == "async wait operator"
    spec = cloudpickle.loads(operator.spec)
    assert isinstance(spec, AsyncSpec)
    return spec


@pytest.mark.parametrize("function", [LookUp(), CallsBack(), look_up, functools.partial(look_up)])
def test_what_is_asked_of_the_operator(
    env: StreamExecutionEnvironment, executor: RecordingExecutor, function: Any
) -> None:
    stream = env.from_collection([1])
    AsyncDataStream.ordered_wait(stream, function, Time.seconds(2), 7, Types.INT()).print()
    spec = spec_of(executor, env)
    assert (spec.ordered, spec.timeout_ms, spec.capacity, spec.retry_strategy) == (True, 2000, 7, None)
    assert spec.output_type is None or spec.output_type == Types.INT()


@pytest.mark.parametrize(
    ("timeout", "milliseconds"),
    [
        (Time.milliseconds(5), 5),
        (Duration.of_seconds(5), 5000),
        (timedelta(seconds=1.5), 1500),
        (20, 20),
        (0, 0),
        (Time.milliseconds(-1), 0),
    ],
)
def test_timeouts(
    env: StreamExecutionEnvironment, executor: RecordingExecutor, timeout: Any, milliseconds: int
) -> None:
    AsyncDataStream.unordered_wait(env.from_collection([1]), LookUp(), timeout).print()
    spec = spec_of(executor, env)
    assert (spec.ordered, spec.timeout_ms, spec.capacity) == (False, milliseconds, 100)


@pytest.mark.parametrize("ordered", [True, False])
def test_retry_strategies(env: StreamExecutionEnvironment, executor: RecordingExecutor, ordered: bool) -> None:
    wait = AsyncDataStream.ordered_wait_with_retry if ordered else AsyncDataStream.unordered_wait_with_retry
    predicate = functools.partial(async_retry_predicates.exception_type_predicate, expected_error_type=TimeoutError)
    strategy = AsyncRetryStrategy.fixed_delay(
        max_attempts=5, backoff_time_millis=10, result_predicate=None, exception_predicate=predicate
    )
    stream = env.from_collection([1]).key_by(lambda v: v)
    wait(
        data_stream=stream,
        async_function=LookUp(),
        timeout=Time.seconds(1),
        async_retry_strategy=strategy,
        capacity=1000,
        output_type=Types.STRING(),
    ).print()
    spec = spec_of(executor, env)
    assert spec.ordered is ordered
    assert spec.retry_strategy.get_retry_predicate().exception_predicate()(TimeoutError())
    wait(stream, LookUp(), Time.seconds(0), AsyncRetryStrategy.no_restart()).print()
    assert spec_of(executor, env).retry_strategy is None


class _NoPredicate(async_retry_strategies.NoRetryStrategy[Any]):
    def get_retry_predicate(self) -> Any:
        return None


class _Plain(AsyncFunction[Any, Any]):
    def async_invoke(self, value: Any) -> Any:
        return [value]


class _Yields(AsyncFunction[Any, Any]):
    async def async_invoke(self, value: Any) -> Any:
        yield value


class _AsyncTimeout(LookUp):
    async def timeout(self, value: Any) -> list[Any]:  # type: ignore[override]  # that is what the test is about
        return []


async def _two_arguments(value: Any, result_future: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (_Plain(), "Method 'async_invoke' of class '_Plain' should be declared as 'async def'"),
        (_Yields(), "'async_invoke' of class '_Yields' yields; it should return a list"),
        (_AsyncTimeout(), "Method 'timeout' of class '_AsyncTimeout' should be a plain method"),
        (LookUp, "pass an instance"),
        (MapFunction, "pass an instance"),
        (lambda v: [v], "must be an AsyncFunction"),
        (_two_arguments, "takes one argument, the record"),
        (None, "must be an AsyncFunction"),
    ],
)
def test_functions_that_are_none(env: StreamExecutionEnvironment, given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message) as caught:
        AsyncDataStream.unordered_wait(env.from_collection([1]), given, Time.seconds(1))
    assert str(caught.value).startswith(f"{__file__}:")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: AsyncDataStream.ordered_wait([1], LookUp(), 1), TypeError, "takes a DataStream first"),  # type: ignore[arg-type]  # that is what the test is about
        (lambda s: AsyncDataStream.ordered_wait(s, LookUp(), 1, 0), ValueError, "capacity must be at least 1"),
        (lambda s: AsyncDataStream.ordered_wait(s, LookUp(), 1, True), TypeError, "capacity is a number of records"),
        (
            lambda s: AsyncDataStream.ordered_wait(s, LookUp(), "1 s"),  # type: ignore[arg-type]  # that is what the test is about
            TypeError,
            "timeout: '1 s' is no length of time",
        ),
        (
            lambda s: AsyncDataStream.ordered_wait_with_retry(
                s, LookUp(), 0, AsyncRetryStrategy.fixed_delay(1, 1, None, None)
            ),
            ValueError,
            "Timeout should be configured",
        ),
        (
            lambda s: AsyncDataStream.ordered_wait_with_retry(s, LookUp(), 1, None),  # type: ignore[arg-type]  # that is what the test is about
            TypeError,
            "must be an AsyncRetryStrategy",
        ),
        (
            lambda s: AsyncDataStream.ordered_wait_with_retry(s, LookUp(), 1, _NoPredicate()),
            TypeError,
            "returns None; it must return an AsyncRetryPredicate",
        ),
    ],
)
def test_other_arguments_that_are_wrong(
    env: StreamExecutionEnvironment, call: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        call(env.from_collection([1]))
    assert str(caught.value).startswith(f"{__file__}:")


def test_strategies() -> None:
    fixed = AsyncRetryStrategy.fixed_delay(2, 30, None, None)
    assert [fixed.can_retry(attempt) for attempt in (1, 2, 3)] == [True, True, False]
    assert [fixed.get_backoff_time_millis(attempt) for attempt in (1, 2)] == [30, 30]
    growing = AsyncRetryStrategy.exponential_backoff(4, 100, 300, 1.5, None, None)
    assert [growing.can_retry(attempt) for attempt in (4, 5)] == [True, False]
    assert [growing.get_backoff_time_millis(attempt) for attempt in (1, 2, 3, 4, 2)] == [100, 150, 225, 300, 150]
    never = AsyncRetryStrategy.no_restart()
    assert never is async_retry_strategies.NO_RETRY_STRATEGY
    assert not never.can_retry(1)
    assert never.get_backoff_time_millis(1) == -1
    predicate = never.get_retry_predicate()
    assert predicate.result_predicate() is None
    assert predicate.exception_predicate() is None
    assert pickle.loads(pickle.dumps(growing)).get_backoff_time_millis(2) == 150


@pytest.mark.parametrize(
    "make",
    [
        lambda: AsyncRetryStrategy.fixed_delay(0, 1, None, None),
        lambda: AsyncRetryStrategy.fixed_delay(1, 0, None, None),
        lambda: AsyncRetryStrategy.exponential_backoff(1, 0, 1, 1.0, None, None),
        lambda: AsyncRetryStrategy.exponential_backoff(1, 1, -1, 1.0, None, None),
        lambda: AsyncRetryStrategy.exponential_backoff(1, 1, 1, 0, None, None),
    ],
)
def test_strategies_with_numbers_that_are_too_small(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="should be greater than zero"):
        make()


def test_predicates() -> None:
    assert async_retry_predicates.empty_result_predicate([])
    assert async_retry_predicates.empty_result_predicate(None)
    assert not async_retry_predicates.empty_result_predicate([None])
    assert async_retry_predicates.has_exception_predicate(ValueError())
    assert not async_retry_predicates.has_exception_predicate(None)
    assert async_retry_predicates.exception_type_predicate(ValueError(), ValueError)
    assert not async_retry_predicates.exception_type_predicate(ValueError(), KeyError)
    with pytest.raises(TimeoutError, match="has timed out for input: 5"):
        LookUp().timeout(5)
