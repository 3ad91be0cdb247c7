"""Snapshots of what is under way, and the end of it all."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from millstream.datastream.functions import AsyncFunction, RichAsyncFunction
from millstream.taskmanager.operators.async_wait import async_wait_operator
from tests.unit.taskmanager.operators.async_wait.driver import Answered, Driver


async def _snapshot_of_some() -> Any:
    function = Answered()
    async with Driver(function, ordered=False) as driver:
        await driver.push("a", "b", timestamps=[1, 2])
        await driver.watermark(2)
        await driver.push("c", "d", timestamps=[3, None])
        await driver.status(idle=True)
        await driver.turn()
        function.answer("c")
        function.answer("b")
        await driver.turn()
        assert driver.elements == [("b", 2)]
        return driver.snapshot()


def test_nothing_under_way_is_no_state() -> None:
    async def run() -> None:
        async with Driver(Answered()) as driver:
            nothing = driver.snapshot()
        function = Answered()
        async with Driver(function, restored=nothing) as driver:
            await driver.turn()
            await driver.finish()
            assert function.asked == driver.elements == []

    asyncio.run(run())


@pytest.mark.parametrize("ordered", [True, False])
def test_what_was_under_way_is_called_again_first(ordered: bool) -> None:
    async def run() -> None:
        snapshot = await _snapshot_of_some()
        function = Answered()
        async with Driver(function, ordered=ordered, restored=snapshot) as driver:
            assert driver.snapshot() == snapshot
            await driver.push("new", timestamps=[9])
            await driver.turn()
            assert function.asked == ["a", "c", "d", "new"]
            for value in ("a", "c", "d", "new"):
                function.answer(value)
            await driver.finish()
            assert driver.elements == [("a", 1), ("c", 3), ("d", None), ("new", 9)]

    asyncio.run(run())


def test_it_is_called_again_also_when_no_record_comes() -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, restored=await _snapshot_of_some()) as driver:
            await driver.turn()
            await driver.turn()
            assert function.asked == ["a", "c", "d"]

    asyncio.run(run())


def test_more_was_under_way_than_there_is_room_for_now() -> None:
    async def run() -> None:
        function = Answered()
        async with Driver(function, restored=await _snapshot_of_some(), capacity=1) as driver:
            await driver.turn()
            await driver.turn()
            assert function.asked == ["a"]
            again = driver.snapshot()
            function.answer("a")
            function.answer("c")
            pushing = asyncio.create_task(driver.push("new"))
            await driver.turn()
            assert function.asked == ["a", "c", "d"]
            function.answer("d")
            function.answer("new")
            await pushing
            await driver.finish()
            assert driver.values == ["a", "c", "d", "new"]
        other = Answered()
        async with Driver(other, restored=again) as driver:
            finishing = asyncio.create_task(driver.finish())
            await driver.turn()
            assert other.asked == ["a", "c", "d"]
            for value in "acd":
                other.answer(value)
            await finishing

    asyncio.run(run())


def test_a_snapshot_is_not_touched_by_what_functions_do_to_records_later() -> None:
    class Changes(AsyncFunction[Any, Any]):
        async def async_invoke(self, value: Any) -> list[Any]:
            await asyncio.sleep(0)
            value.append("changed")
            return [value]

    async def run() -> None:
        async with Driver(Changes()) as driver:
            await driver.push(["a"])
            snapshot = driver.snapshot()
            await driver.finish()
            assert driver.values == [["a", "changed"]]
        async with Driver(Changes(), restored=snapshot) as driver:
            await driver.finish()
            assert driver.values == [["a", "changed"]]

    asyncio.run(run())


def test_stopping_cancels_what_is_under_way() -> None:
    ended: list[Any] = []

    class Waits(AsyncFunction[Any, Any]):
        async def async_invoke(self, value: Any) -> list[Any]:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(value)
            return []

    async def run() -> None:
        async with Driver(Waits(), timeout_ms=60_000) as driver:
            await driver.push("a", "b")
            await driver.turn()
            await driver.push("not begun")
        assert sorted(ended) == ["a", "b"]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_a_coroutine_that_catches_one_cancellation() -> None:
    class Stubborn(AsyncFunction[Any, Any]):
        async def async_invoke(self, value: Any) -> list[Any]:
            for _ in range(2):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    continue
            return ["late"]

    async def run() -> None:
        async with Driver(Stubborn()) as driver:
            await driver.push("a")
            await driver.turn()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert driver.elements == []

    asyncio.run(run())


def test_a_coroutine_that_cannot_be_cancelled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(async_wait_operator, "_STOP_TIMEOUT_S", 0.01)
    monkeypatch.setattr(async_wait_operator, "_CANCEL_AGAIN_S", 0.005)
    let_go = False

    class Immortal(AsyncFunction[Any, Any]):
        async def async_invoke(self, value: Any) -> list[Any]:
            while not let_go:
                try:
                    await asyncio.sleep(0.001)
                except asyncio.CancelledError:
                    continue
            return []

    async def run() -> None:
        nonlocal let_go
        async with Driver(Immortal()) as driver:
            await driver.push("a")
            await driver.turn()
        let_go = True
        await asyncio.sleep(0.005)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert "operator enrich: 1 coroutines of Immortal.async_invoke did not end when they were cancelled" in caplog.text


def test_functions_have_a_runtime_context_and_run_on_the_loop_of_their_task() -> None:
    class Looks(RichAsyncFunction[Any, Any]):
        def open(self, runtime_context: Any) -> None:
            super().open(runtime_context)
            self.loop = asyncio.get_running_loop()

        async def async_invoke(self, value: Any) -> list[Any]:
            assert self.loop is asyncio.get_running_loop()
            async with _limited():
                return [self.get_runtime_context().get_task_name()]

    async def run() -> None:
        async with Driver(Looks()) as driver:
            await driver.push("a")
            await driver.finish()
            assert driver.values == ["enrich"]

    asyncio.run(run())


def _limited() -> Any:
    """Something of a library that asks for the current task, as timeouts and HTTP clients do."""
    import contextlib

    @contextlib.asynccontextmanager
    async def context() -> Any:
        assert asyncio.current_task() is not None
        yield

    return context()
