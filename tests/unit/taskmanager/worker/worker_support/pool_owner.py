"""A process with a pool of workers, to be killed: prints its pids and then waits for ever.

``python pool_owner.py <script>`` has its taken worker play the script first.
"""

from __future__ import annotations

import asyncio
import os
import sys

from worker_probe import WorkerProbe

from millstream.common.config import Configuration
from millstream.taskmanager.worker.process_pool import ProcessWorkerPool


async def main(script: str) -> None:
    pool = ProcessWorkerPool(Configuration(), 1, slot_worker="scripted_slot_worker:ScriptedSlotWorker")
    await pool.start()
    probe = WorkerProbe(await pool.take())
    spare = await pool.take()
    probe.play(script)
    if script.startswith("deaf"):
        await probe.state("blocking", "RUNNING")
    print(  # noqa: T201  # read by the test
        os.getpid(), pool.launcher_pid, probe.worker.pid, spare.pid, flush=True
    )
    await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
