"""Functions that hand their results to a ResultFuture."""

from __future__ import annotations

import asyncio
import functools
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from millstream.datastream.functions import AsyncFunction, ResultFuture, takes_result_future
from tests.unit.taskmanager.operators.async_wait.driver import Driver, failure_of


class InThreads(AsyncFunction[int, int]):
    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool

    def async_invoke(self, value: int, result_future: ResultFuture[int]) -> None:  # type: ignore[override]  # callback style
        self.pool.submit(self._work, value, result_future)

    def _work(self, value: int, result_future: ResultFuture[int]) -> None:
        if value < 0:
            result_future.complete_exceptionally(ValueError(f"below zero: {value}"))
        else:
            result_future.complete([value, -value])


class Coroutine(AsyncFunction[Any, Any]):
    """A coroutine that completes a future, in the newest PyFlink's way."""

    async def async_invoke(self, value: Any, result_future: ResultFuture[Any]) -> None:  # type: ignore[override]  # callback style
        await asyncio.sleep(0)
        if value == "bad":
            raise ValueError("no")
        result_future.complete([value])


def test_results_from_other_threads() -> None:
    async def run(pool: ThreadPoolExecutor) -> None:
        async with Driver(InThreads(pool), capacity=3) as driver:
            await driver.push(*range(50))
            await driver.finish()
            assert driver.values == [each for value in range(50) for each in (value, -value)]

    with ThreadPoolExecutor(4) as pool:
        asyncio.run(run(pool))


def test_errors_from_other_threads() -> None:
    async def run(pool: ThreadPoolExecutor) -> None:
        async with Driver(InThreads(pool)) as driver:
            await driver.push(1, -5)
            error, site = await failure_of(driver, driver.finish())
            assert str(error) == "below zero: -5"
            assert (site.phase, site.record) == ("async_invoke", -5)

    with ThreadPoolExecutor(2) as pool:
        asyncio.run(run(pool))


def test_results_after_the_end_are_ignored() -> None:
    kept: list[ResultFuture[Any]] = []

    class Keeps(AsyncFunction[Any, Any]):
        def async_invoke(self, value: Any, result_future: ResultFuture[Any]) -> None:  # type: ignore[override]  # callback style
            kept.append(result_future)

    async def run(pool: ThreadPoolExecutor) -> None:
        async with Driver(Keeps()) as driver:
            await driver.push("a")
        kept[0].complete(["stopped"])
        await asyncio.get_running_loop().run_in_executor(pool, kept[0].complete, ["stopped"])
        assert driver.elements == []

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(run(pool))
        pool.submit(kept[0].complete, ["the loop is closed"]).result()
        pool.submit(kept[0].complete_exceptionally, ValueError("the loop is closed")).result()


def test_coroutines_that_complete_a_future() -> None:
    async def run() -> None:
        async with Driver(Coroutine()) as driver:
            await driver.push("a", "b")
            await driver.finish()
            assert driver.values == ["a", "b"]
            await driver.push("bad")
            error, site = await failure_of(driver, driver.finish())
            assert str(error) == "no"
            assert (site.phase, site.record) == ("async_invoke", "bad")

    asyncio.run(run())


def test_a_wrapper_around_a_coroutine_function() -> None:
    def logged(method: Any) -> Any:
        @functools.wraps(method)
        def wrapper(*arguments: Any) -> Any:
            return method(*arguments)

        return wrapper

    class Wrapped(AsyncFunction[Any, Any]):
        @logged
        async def async_invoke(self, value: Any) -> list[Any]:
            await asyncio.sleep(0)
            return [value]

    class WrappedWithFuture(Coroutine):
        async_invoke = logged(Coroutine.async_invoke)

    async def run(function: Any) -> None:
        async with Driver(function) as driver:
            await driver.push("a", "b")
            await driver.finish()
            assert driver.values == ["a", "b"]

    asyncio.run(run(Wrapped()))
    asyncio.run(run(WrappedWithFuture()))


@pytest.mark.parametrize("result", [5, None])
def test_a_future_takes_a_list(result: Any) -> None:
    class Wrong(AsyncFunction[Any, Any]):
        def async_invoke(self, value: Any, result_future: ResultFuture[Any]) -> None:  # type: ignore[override]  # callback style
            result_future.complete(result)

    async def run() -> None:
        async with Driver(Wrong()) as driver:
            error, site = await failure_of(driver, driver.push("a"))
            assert "The result of AsyncFunction" in str(error)
            assert site.record == "a"

    asyncio.run(run())


def test_what_is_no_exception_and_what_cannot_travel() -> None:
    class Misuses(AsyncFunction[Any, Any]):
        def async_invoke(self, value: Any, result_future: Any) -> None:  # type: ignore[override]  # callback style
            if value == "error":
                result_future.complete_exceptionally("just a text")
            pickle.dumps(result_future)

    async def run(value: str, message: str) -> None:
        async with Driver(Misuses()) as driver:
            error, _ = await failure_of(driver, driver.push(value))
            assert type(error) is TypeError
            assert message in str(error)

    asyncio.run(run("error", "complete_exceptionally() takes an exception, not 'just a text'"))
    asyncio.run(run("pickle", "cannot be pickled"))


def test_which_methods_take_a_future() -> None:
    class Optional:
        async def async_invoke(self, value: Any, session: Any = None) -> list[Any]:
            return []

    async def star(*values: Any) -> list[Any]:
        return []

    assert takes_result_future(InThreads.async_invoke.__get__(object()))
    assert takes_result_future(Coroutine().async_invoke)
    assert takes_result_future(lambda value, result_future=None: None)
    assert takes_result_future(lambda *values: None)
    assert not takes_result_future(Optional().async_invoke)
    assert not takes_result_future(star)
