"""A program with a worker thread that runs into ``breakpoint()``; its standard input commands the debugger."""

from __future__ import annotations

import asyncio

from worker_probe import WorkerProbe

from millstream.common.config import Configuration
from millstream.taskmanager.worker.thread_pool import ThreadWorkerPool


async def main() -> None:
    pool = ThreadWorkerPool(Configuration(), slot_worker="scripted_slot_worker:ScriptedSlotWorker")
    try:
        probe = WorkerProbe(await pool.take())
        answer = await probe.ask("breakpoint:open sesame")
        print("answered", answer)  # noqa: T201  # read by the test
    finally:
        await pool.close()


if __name__ == "__main__":
    asyncio.run(main())
