"""Deletions that fail are tried again by themselves, and nobody who waits for all is told too soon."""

from __future__ import annotations

import asyncio

import pytest

from millstream.common.file_system import FileSystemError
from millstream.common.high_availability.memory_stores import MemoryCheckpointPointers
from millstream.common.ids import JobID
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.job_master.deletion_queue import DeletionQueue
from tests.unit.dispatcher.virtual_time import run


class World:
    """A queue and what has become of what is in it.

    :ivar failures: how often each is still to fail.
    :ivar deleted: in order.
    """

    def __init__(self) -> None:
        self.tasks = BackgroundTasks("deletions")
        self.queue = DeletionQueue(JobID("a" * 32), MemoryCheckpointPointers(), self.tasks, lambda _: None)
        self.failures: dict[str, int] = {}
        self.deleted: list[str] = []

    def delete(self, name: str, failures: int = 0) -> None:
        self.failures[name] = failures

        async def carry_out() -> None:
            if self.failures[name]:
                self.failures[name] -= 1
                raise FileSystemError("not now")
            self.deleted.append(name)

        self.queue.delete(name, carry_out)


def test_the_last_deletion_is_tried_again_too() -> None:
    async def test() -> None:
        world = World()
        world.delete("first", failures=2)
        world.delete("second")
        world.delete("third", failures=3)
        await world.queue.join()
        assert world.deleted == ["second", "first", "third"]
        await world.tasks.close()

    run(test)


def test_what_cannot_be_deleted_is_named_and_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        world = World()
        world.delete("chk-1", failures=4)
        await world.queue.join()
        assert world.deleted == []
        assert "cannot delete chk-1, which nothing needs any more: not now" in caplog.text
        await world.tasks.close()

    run(test)


def test_closing_does_not_wait_for_the_next_attempt() -> None:
    async def test() -> None:
        world = World()
        world.delete("chk-1", failures=1)
        await asyncio.sleep(0.05)
        world.queue.stop()
        await world.tasks.close()
        assert world.deleted == []

    run(test)
