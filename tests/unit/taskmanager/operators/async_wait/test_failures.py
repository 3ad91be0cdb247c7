"""A call that fails: the job learns which operator, method and record it was, and the user's line."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest

from millstream.common import Row, Types
from millstream.common.graph.operator_spec import AsyncSpec
from millstream.datastream.functions import AsyncFunction
from millstream.taskmanager.operators.async_wait import AsyncWaitOperator
from millstream.taskmanager.operators.operator import NO_RECORD, OperatorContext, OperatorInfo
from tests.unit.taskmanager.operators.async_wait.driver import Answered, Driver, failure_of


class Fails(AsyncFunction[Any, Any]):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def async_invoke(self, value: Any) -> list[Any]:
        await asyncio.sleep(0)
        if value == "bad":
            raise self.error  # the user's line
        return [value]


class Returns(AsyncFunction[Any, Any]):
    def __init__(self, result: Any) -> None:
        self.result = result

    async def async_invoke(self, value: Any) -> Any:
        return self.result


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyError("k"), asyncio.CancelledError("not by us"), SystemExit(3), GeneratorExit()]
)
@pytest.mark.parametrize("ordered", [True, False])
def test_a_call_that_raises(error: BaseException, ordered: bool) -> None:
    async def run() -> None:
        async with Driver(Fails(error), ordered=ordered) as driver:
            await driver.push("good", "bad", "good too")
            raised, site = await failure_of(driver, driver.finish())
            assert raised is error
            assert (site.info.name, site.phase, site.record) == ("enrich", "async_invoke", "bad")
            assert driver.operator.locate(raised, "finish").record == "bad"
            assert any("the user's line" in (frame.line or "") for frame in traceback.extract_tb(raised.__traceback__))

    asyncio.run(run())


def test_the_first_failure_counts_and_is_not_held_up_by_calls_before_it() -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, ordered=True) as driver:
            await driver.push("a", "b", "c")
            await driver.turn()
            function.fail("c", ValueError("first"))
            function.fail("b", ValueError("second"))
            error, site = await failure_of(driver, driver.turn())
            assert str(error) == "first"
            assert site.record == "c"

    asyncio.run(run())


def test_a_failure_ends_a_pause() -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, ordered=True, capacity=1) as driver:
            pushing = asyncio.create_task(driver.push("a", "b"))
            await driver.turn()
            function.fail("a", ValueError("no"))
            error, site = await failure_of(driver, pushing)
            assert str(error) == "no"
            assert site.record == "a"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "The result of AsyncFunction cannot be none: async_invoke of Returns must give a list"),
        (5, "The result of AsyncFunction should be of list type: async_invoke of Returns gave a int"),
        ("text", "should be of list type: async_invoke of Returns gave a str"),
        (Row(1), "should be of list type: async_invoke of Returns gave a Row"),
    ],
)
def test_what_is_no_list_of_results(result: Any, message: str) -> None:
    async def run() -> None:
        async with Driver(Returns(result)) as driver:
            await driver.push("a")
            error, site = await failure_of(driver, driver.finish())
            assert type(error) is TypeError
            assert message in str(error)
            assert (site.phase, site.record) == ("async_invoke", "a")

    asyncio.run(run())


@pytest.mark.parametrize("results", [[1, 2], (1, 2), {1: "a", 2: "b"}.keys(), iter([1, 2])])
def test_any_iterable_of_results_will_do(results: Any) -> None:
    async def run() -> None:
        async with Driver(Returns(results)) as driver:
            await driver.push("a")
            await driver.finish()
            assert driver.values == [1, 2]

    asyncio.run(run())


def test_results_become_what_the_output_type_says() -> None:
    async def run() -> None:
        row_type = Types.ROW_NAMED(["n", "t"], [Types.INT(), Types.STRING()])
        async with Driver(Returns([(1, "x")]), output_type=row_type) as driver:
            await driver.push("a")
            await driver.finish()
            assert driver.values == [Row(n=1, t="x")]

    asyncio.run(run())


def test_a_function_without_an_async_method_of_a_class() -> None:
    async def look_up(value: str) -> list[str]:
        return [value.upper()]

    async def run() -> None:
        async with Driver(look_up) as driver:
            await driver.push("a")
            await driver.finish()
            assert driver.values == ["A"]

    asyncio.run(run())


def test_failures_of_open_and_close() -> None:
    class Broken(Answered):
        def open(self, runtime_context: Any) -> None:
            raise OSError("no connection")

        def close(self) -> None:
            raise OSError("not closed")

    operator = AsyncWaitOperator(AsyncSpec(Broken(), True, 0), OperatorContext(OperatorInfo("enrich")))
    for call, phase in ((operator.open, "open"), (operator.close, "close")):
        with pytest.raises(OSError, match="no") as caught:
            call()
        site = operator.locate(caught.value, phase)
        assert (site.phase, site.record) == (phase, NO_RECORD)
