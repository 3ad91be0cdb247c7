"""What only holds for worker threads."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

from worker_probe import TIMEOUT_S, WorkerProbe

from millstream.common.config import Configuration
from millstream.taskmanager.worker.thread_pool import ThreadWorkerPool

SCRIPTED = "scripted_slot_worker:ScriptedSlotWorker"


def test_a_debugger_reaches_user_code_in_a_worker_thread() -> None:
    program = Path(__file__).parent / "worker_support" / "debugged_thread.py"
    outcome = subprocess.run(
        [sys.executable, str(program)],
        input="p secret\nc\n",
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert "'open sesame'" in outcome.stdout
    assert "answered b'done'" in outcome.stdout


def test_a_thread_whose_user_code_does_not_return_is_reported_as_left_behind() -> None:
    async def run() -> None:
        pool = ThreadWorkerPool(Configuration(), slot_worker=SCRIPTED)
        probe = WorkerProbe(await pool.take())
        probe.play("stubborn:1.6")  # not to be interrupted, as in a C library
        await probe.state("blocking", "RUNNING")
        probe.worker.kill()
        assert await probe.exit() == "its thread does not end and was left behind"
        await pool.close()
        assert len(probe.exits) == 1

    asyncio.run(run())
    _wait_for_threads()


def test_a_thread_outlives_neither_its_end_nor_its_owner() -> None:
    async def run() -> None:
        pool = ThreadWorkerPool(Configuration(), slot_worker=SCRIPTED)
        probe = WorkerProbe(await pool.take())
        assert any(thread.name == "slot-0" for thread in threading.enumerate())
        await probe.worker.stop(TIMEOUT_S)
        assert not any(thread.name == "slot-0" for thread in threading.enumerate())
        await pool.close()

    asyncio.run(run())


def test_exits_of_user_code_are_told() -> None:
    async def run() -> None:
        pool = ThreadWorkerPool(Configuration(), slot_worker=SCRIPTED)
        probe = WorkerProbe(await pool.take())
        probe.play("system-exit:4")
        assert await probe.exit() == "exit status 4"
        await pool.close()

    asyncio.run(run())


def _wait_for_threads() -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while any(thread.name.startswith("slot-") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
