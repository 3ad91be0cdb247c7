"""Calls that are tried again."""

from __future__ import annotations

import asyncio
from typing import Any

from millstream.datastream.async_retry_predicates import empty_result_predicate, has_exception_predicate
from millstream.datastream.functions import AsyncFunction, AsyncRetryStrategy, ResultFuture
from tests.unit.taskmanager.operators.async_wait.driver import Driver, failure_of

_AFTER_ANY_ERROR = AsyncRetryStrategy.fixed_delay(3, 1, None, has_exception_predicate)


class SucceedsAtLast(AsyncFunction[int, Any]):
    """Fails as often as the record says."""

    def __init__(self) -> None:
        self.attempts: dict[int, int] = {}

    async def async_invoke(self, value: int) -> list[Any]:
        attempt = self.attempts[value] = self.attempts.get(value, 0) + 1
        await asyncio.sleep(0)
        if attempt <= value:
            raise ConnectionError(f"attempt {attempt}")
        return [(value, attempt)]


def test_after_an_exception() -> None:
    async def run() -> None:
        async with Driver(SucceedsAtLast(), retry_strategy=_AFTER_ANY_ERROR, timeout_ms=60_000) as driver:
            await driver.push(2, 0, 3)
            await driver.finish()
            assert driver.values == [(2, 3), (0, 1), (3, 4)]

    asyncio.run(run())


def test_the_last_exception_counts_when_there_are_no_more_attempts() -> None:
    async def run() -> None:
        async with Driver(SucceedsAtLast(), retry_strategy=_AFTER_ANY_ERROR, timeout_ms=60_000) as driver:
            await driver.push(4)
            error, site = await failure_of(driver, driver.finish())
            assert str(error) == "attempt 4"
            assert (site.phase, site.record) == ("async_invoke", 4)

    asyncio.run(run())


def test_an_exception_that_is_not_worth_it() -> None:
    async def run() -> None:
        function = SucceedsAtLast()
        strategy = AsyncRetryStrategy.fixed_delay(3, 1, None, lambda error: isinstance(error, KeyError))
        async with Driver(function, retry_strategy=strategy, timeout_ms=60_000) as driver:
            await driver.push(1)
            error, _ = await failure_of(driver, driver.finish())
            assert str(error) == "attempt 1"
            assert function.attempts == {1: 1}

    asyncio.run(run())


def test_after_results_that_are_not_good_enough() -> None:
    class EmptyAtFirst(AsyncFunction[int, Any]):
        def __init__(self) -> None:
            self.attempts: dict[int, int] = {}

        async def async_invoke(self, value: int) -> list[Any]:
            attempt = self.attempts[value] = self.attempts.get(value, 0) + 1
            return [] if attempt <= value else [(value, attempt)]

    async def run() -> None:
        strategy = AsyncRetryStrategy.exponential_backoff(2, 1, 2, 2.0, empty_result_predicate, None)
        async with Driver(EmptyAtFirst(), retry_strategy=strategy, timeout_ms=60_000, ordered=False) as driver:
            await driver.push(9, 1, 0)
            await driver.finish()
            # After the last attempt the results are taken as they are.
            assert driver.values == [(0, 1), (1, 2)]

    asyncio.run(run())


def test_the_timeout_is_for_all_attempts_together() -> None:
    class Default(SucceedsAtLast):
        def timeout(self, value: int) -> list[Any]:
            return [("default", self.attempts[value])]

    async def run() -> None:
        strategy = AsyncRetryStrategy.fixed_delay(10**6, 10**6, None, has_exception_predicate)
        async with Driver(Default(), retry_strategy=strategy, timeout_ms=5) as driver:
            await driver.push(3)
            await driver.finish()
            assert driver.values == [("default", 1)]

    asyncio.run(run())


def test_results_of_the_timeout_method_are_not_tried_again() -> None:
    class NoDefault(SucceedsAtLast):
        def timeout(self, value: int) -> list[Any]:
            raise ConnectionError("nor now")

    async def run() -> None:
        strategy = AsyncRetryStrategy.fixed_delay(10**6, 10**6, None, has_exception_predicate)
        async with Driver(NoDefault(), retry_strategy=strategy, timeout_ms=5) as driver:
            await driver.push(3)
            error, site = await failure_of(driver, driver.finish())
            assert str(error) == "nor now"
            assert site.phase == "timeout"

    asyncio.run(run())


def test_a_predicate_that_raises() -> None:
    def broken(error: Exception) -> bool:
        raise AttributeError("no such attribute")

    async def run() -> None:
        strategy = AsyncRetryStrategy.fixed_delay(1, 1, None, broken)
        async with Driver(SucceedsAtLast(), retry_strategy=strategy, timeout_ms=60_000) as driver:
            await driver.push(1)
            error, site = await failure_of(driver, driver.finish())
            assert type(error) is AttributeError
            assert site.record == 1

    asyncio.run(run())


def test_in_callback_style_an_earlier_attempt_does_not_count_any_more() -> None:
    class Keeps(AsyncFunction[Any, Any]):
        def __init__(self) -> None:
            self.futures: list[ResultFuture[Any]] = []

        def async_invoke(self, value: Any, result_future: ResultFuture[Any]) -> None:  # type: ignore[override]  # callback style
            self.futures.append(result_future)
            if len(self.futures) == 1:
                raise ConnectionError("at once")

    async def run() -> None:
        function = Keeps()
        async with Driver(function, retry_strategy=_AFTER_ANY_ERROR, timeout_ms=60_000) as driver:
            await driver.push("a")
            function.futures[0].complete(["while the second attempt is waited for"])
            await driver.until(lambda: len(function.futures) == 2)
            function.futures[0].complete(["late"])
            function.futures[1].complete(["in time"])
            function.futures[1].complete(["again"])
            await driver.finish()
            assert driver.values == ["in time"]

    asyncio.run(run())
