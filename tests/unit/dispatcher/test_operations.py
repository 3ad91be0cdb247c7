"""Operations: begun once however often they are asked for, awaited, and remembered for a while."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from millstream.common.clock import ManualClock
from millstream.common.errors import MillstreamError
from millstream.common.ids import IdFactory, JobID
from millstream.common.wire.cluster_pb2 import OperationStatus
from millstream.dispatcher.operations import Operations

JOB, OTHER = JobID("a" * 32), JobID("b" * 32)
DONE = OperationStatus(completed=True, location="file:/savepoints/one", checkpoint_id=3)


class World:
    """Operations that end when the test lets them."""

    def __init__(self) -> None:
        self.clock = ManualClock(1_000)
        self.operations = Operations(self.clock, IdFactory(random.Random(1)), timedelta(seconds=300))
        self.may_end = asyncio.Event()
        self.begun = 0

    async def work(self) -> OperationStatus:
        self.begun += 1
        await self.may_end.wait()
        return DONE

    async def failing(self) -> OperationStatus:
        raise MillstreamError("the disk is full")


def _run(story: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        world = World()
        await asyncio.wait_for(story(world), 10)
        await world.operations.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_an_operation_is_begun_once_and_awaited_by_many() -> None:
    async def story(world: World) -> None:
        operations = world.operations
        assert operations.start(JOB, "r", world.work) == "r"
        assert operations.start(JOB, "r", world.work) == "r"
        assert operations.find(JOB, "r")
        assert not operations.find(OTHER, "r")
        assert await operations.wait(JOB, "r", 0.0) == OperationStatus()
        assert await operations.wait(JOB, "r", 0.01) == OperationStatus()
        waiting = [asyncio.ensure_future(operations.wait(JOB, "r", 5.0)) for _ in range(2)]
        await asyncio.sleep(0)
        world.may_end.set()
        assert await asyncio.gather(*waiting) == [DONE, DONE]
        assert await operations.wait(JOB, "r", 5.0) == DONE
        assert world.begun == 1

    _run(story)


def test_without_an_id_each_is_another() -> None:
    async def story(world: World) -> None:
        ids = {world.operations.start(JOB, "", world.work) for _ in range(3)}
        assert len(ids) == 3
        assert all(len(request_id) == 32 for request_id in ids)

    _run(story)


def test_an_error_is_what_became_of_it() -> None:
    async def story(world: World) -> None:
        world.operations.start(JOB, "r", world.failing)
        status = await world.operations.wait(JOB, "r", 5.0)
        assert status.completed
        assert status.failure.message == "the disk is full"

    _run(story)


def test_results_are_kept_for_a_while_after_the_end() -> None:
    async def story(world: World) -> None:
        world.operations.start(JOB, "r", world.work)
        world.clock.advance(1_000_000)
        assert await world.operations.wait(JOB, "r", 0.0) == OperationStatus()
        world.may_end.set()
        await world.operations.wait(JOB, "r", 5.0)
        world.clock.advance(300_000)
        assert await world.operations.wait(JOB, "r", 0.0) == DONE
        world.clock.advance(1)
        with pytest.raises(MillstreamError, match=r"more than 300 s ago \(rest\.async\.store-duration\)"):
            await world.operations.wait(JOB, "r", 0.0)

    _run(story)


def test_who_waits_at_the_end_of_the_cluster_is_told() -> None:
    async def story(world: World) -> None:
        world.operations.start(JOB, "r", world.work)
        waiting = asyncio.ensure_future(world.operations.wait(JOB, "r", 5.0))
        await asyncio.sleep(0)
        await world.operations.close()
        assert (await waiting).failure.message == "the cluster was shut down"

    _run(story)
