"""Operations that are started by one request and asked for by others."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

from millstream.common.clock import ManualClock
from millstream.common.errors import MillstreamError
from millstream.common.ids import IdFactory
from millstream.dispatcher.rest.asynchronous_operations import AsynchronousOperations
from millstream.dispatcher.rest.messages.base import EmptyMessage

Story = Callable[[AsynchronousOperations, ManualClock], Awaitable[None]]


def tell(story: Story) -> None:
    async def told() -> None:
        clock = ManualClock()
        operations = AsynchronousOperations(clock, IdFactory(random.Random(1)), timedelta(seconds=5))
        await story(operations, clock)
        await operations.close()

    asyncio.run(told())


def answer(operations: AsynchronousOperations, kind: str, trigger_id: str) -> object:
    result = operations.poll(kind, trigger_id)
    return None if result is None else json.loads(result.model_dump_json(by_alias=True))


def test_it_is_in_progress_and_then_completed() -> None:
    async def story(operations: AsynchronousOperations, clock: ManualClock) -> None:
        may_end = asyncio.Event()

        async def work() -> EmptyMessage:
            await may_end.wait()
            return EmptyMessage()

        trigger_id = operations.trigger("disposal", work)
        assert len(trigger_id) == 32
        assert answer(operations, "disposal", trigger_id) == {"status": {"id": "IN_PROGRESS"}, "operation": None}
        assert answer(operations, "deletion", trigger_id) is None
        may_end.set()
        for _ in range(3):  # it goes on, it ends, its end is seen
            await asyncio.sleep(0)
        assert answer(operations, "disposal", trigger_id) == {"status": {"id": "COMPLETED"}, "operation": {}}

    tell(story)


def test_a_request_that_comes_again_is_the_same_one() -> None:
    async def story(operations: AsynchronousOperations, clock: ManualClock) -> None:
        begun: list[int] = []

        async def work() -> EmptyMessage:
            begun.append(1)
            return EmptyMessage()

        wished = "a" * 32
        assert operations.trigger("disposal", work, wished) == wished
        assert operations.trigger("disposal", work, wished) == wished
        await asyncio.sleep(0)
        assert begun == [1]

    tell(story)


def test_a_failure_is_completed_too() -> None:
    async def story(operations: AsynchronousOperations, clock: ManualClock) -> None:
        async def expected() -> EmptyMessage:
            raise MillstreamError("There is no savepoint.")

        async def defect() -> EmptyMessage:
            raise ZeroDivisionError("of ours")

        first, second = operations.trigger("a", expected), operations.trigger("b", defect)
        await asyncio.sleep(0)
        told = answer(operations, "a", first)
        assert isinstance(told, dict)
        assert told["status"] == {"id": "COMPLETED"}
        cause = told["operation"]["failure-cause"]
        assert (cause["class"], cause["stack-trace"]) == ("MillstreamError", "There is no savepoint.")
        assert cause["serialized-throwable"]
        told = answer(operations, "b", second)
        assert isinstance(told, dict)
        assert "in defect" in told["operation"]["failure-cause"]["stack-trace"]

    tell(story)


def test_a_result_is_kept_for_a_while_after_the_end() -> None:
    async def story(operations: AsynchronousOperations, clock: ManualClock) -> None:
        async def work() -> EmptyMessage:
            return EmptyMessage()

        clock.advance(60_000)
        trigger_id = operations.trigger("a", work)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.advance(5_000)
        assert operations.poll("a", trigger_id) is not None
        clock.advance(1)
        assert operations.poll("a", trigger_id) is None

    tell(story)
