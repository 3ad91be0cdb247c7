"""Records whose time is over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from millstream.datastream.functions import AsyncFunction, ResultFuture
from tests.unit.taskmanager.operators.async_wait.driver import Driver, failure_of


class NeverEnds(AsyncFunction[Any, Any]):
    def __init__(self) -> None:
        self.cancelled: list[Any] = []

    async def async_invoke(self, value: Any) -> list[Any]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(value)
            raise
        return []


class GivesDefault(NeverEnds):
    def timeout(self, value: Any) -> list[Any]:
        return [f"default of {value}"]


class WillNotBeCancelled(GivesDefault):
    async def async_invoke(self, value: Any) -> list[Any]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(value)
        return ["late"]


def test_without_a_timeout_method_the_job_fails() -> None:
    async def run() -> None:
        function = NeverEnds()
        async with Driver(function, timeout_ms=1) as driver:
            await driver.push("a", "b")
            error, site = await failure_of(driver, driver.finish())
            assert type(error) is TimeoutError
            line = NeverEnds.async_invoke.__code__.co_firstlineno + 2
            where = f"async_invoke was waiting in {__file__}:{line}"
            assert str(error) == f"Async function call has timed out for input: a; {where}"
            assert (site.info.name, site.phase, site.record) == ("enrich", "timeout", "a")

    asyncio.run(run())


@pytest.mark.parametrize("function_class", [GivesDefault, WillNotBeCancelled])
@pytest.mark.parametrize("ordered", [True, False])
def test_the_timeout_method_gives_the_results(function_class: type[GivesDefault], ordered: bool) -> None:
    async def run() -> None:
        function = function_class()
        async with Driver(function, timeout_ms=1, ordered=ordered, capacity=2) as driver:
            await driver.push("a", "b", "c")
            await driver.finish()
            await asyncio.sleep(0)
            assert driver.values == ["default of a", "default of b", "default of c"]
            assert function.cancelled == ["a", "b", "c"]

    asyncio.run(run())


def test_a_timeout_method_that_raises() -> None:
    class Raises(NeverEnds):
        def timeout(self, value: Any) -> list[Any]:
            raise LookupError(f"no default for {value}")

    async def run() -> None:
        async with Driver(Raises(), timeout_ms=1) as driver:
            await driver.push("a")
            error, site = await failure_of(driver, driver.finish())
            assert str(error) == "no default for a"
            assert (site.phase, site.record) == ("timeout", "a")

    asyncio.run(run())


@pytest.mark.parametrize("result", [None, 5])
def test_a_timeout_method_that_gives_no_list(result: Any) -> None:
    class Wrong(NeverEnds):
        def timeout(self, value: Any) -> list[Any]:
            return result  # type: ignore[no-any-return]  # that is what the test is about

    async def run() -> None:
        async with Driver(Wrong(), timeout_ms=1) as driver:
            await driver.push("a")
            error, site = await failure_of(driver, driver.finish())
            assert "timeout of Wrong" in str(error)
            assert site.phase == "timeout"

    asyncio.run(run())


def test_records_that_are_quick_enough_do_not_time_out() -> None:
    class Quick(GivesDefault):
        async def async_invoke(self, value: Any) -> list[Any]:
            if value == "slow":
                await asyncio.Event().wait()
            await asyncio.sleep(0)
            return [value]

    async def run() -> None:
        async with Driver(Quick(), timeout_ms=5, ordered=False) as driver:
            await driver.push("a", "slow", "b")
            await driver.finish()
            assert driver.values == ["a", "b", "default of slow"]

    asyncio.run(run())


def test_a_timeout_in_callback_style() -> None:
    class Forgets(AsyncFunction[Any, Any]):
        def __init__(self) -> None:
            self.futures: dict[Any, ResultFuture[Any]] = {}

        def async_invoke(self, value: Any, result_future: ResultFuture[Any]) -> None:  # type: ignore[override]  # callback style
            self.futures[value] = result_future

        def timeout(self, value: Any, result_future: ResultFuture[Any]) -> None:  # type: ignore[override]  # callback style
            if value == "error":
                result_future.complete_exceptionally(LookupError("too late"))
            elif value != "later":
                result_future.complete([f"default of {value}"])

    async def run() -> None:
        function = Forgets()
        async with Driver(function, timeout_ms=1) as driver:
            await driver.push("a")
            await driver.finish()
            function.futures["a"].complete(["late"])
            assert driver.values == ["default of a"]
            # The timeout method may leave it to whoever has the first future.
            await driver.push("later", "b")
            await driver.until(lambda: not driver.operator._timer)
            function.futures["later"].complete(["in the end"])
            await driver.finish()
            assert driver.values[1:] == ["in the end", "default of b"]
            await driver.push("error")
            error, site = await failure_of(driver, driver.finish())
            assert str(error) == "too late"
            assert (site.phase, site.record) == ("timeout", "error")

    asyncio.run(run())
