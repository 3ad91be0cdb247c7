"""What a worker does whose user code keeps it from answering is to be seen all the same."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from worker_probe import WorkerProbe

from millstream.common.config import Configuration
from millstream.taskmanager.inspection.stacks_on_signal import stacks_by_signal
from millstream.taskmanager.worker.process_pool import ProcessWorkerPool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it needs files in memory and /proc")

SCRIPTED = "scripted_slot_worker:ScriptedSlotWorker"


def test_the_stack_of_a_worker_that_is_stuck_is_seen_again_and_again() -> None:
    async def run() -> None:
        pool = ProcessWorkerPool(Configuration.from_map({}), 0, slot_worker=SCRIPTED)
        await pool.start()
        try:
            probe = WorkerProbe(await pool.take())
            request_id = probe.play("stubborn:1.5")
            await probe.state("blocking", "RUNNING")
            for _ in range(2):
                threads = await stacks_by_signal(probe.worker.pid, "the worker")
                assert any(" in _play" in thread.text for thread in threads)
                assert all(thread.name.startswith("the worker ") for thread in threads)
            await probe.answer(request_id)  # it goes on as if nothing had been
        finally:
            await pool.close()

    asyncio.run(run())


def test_what_is_no_worker_gets_no_signal() -> None:
    async def run() -> None:
        assert await stacks_by_signal(os.getpid(), "this") == []  # the signal would end it
        assert await stacks_by_signal(2**22 + 1, "nobody") == []

    asyncio.run(run())
