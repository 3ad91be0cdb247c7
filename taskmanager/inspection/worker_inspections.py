"""A slot worker's answers to who looks at it.

Each way to look at a worker is one branch here; what it takes comes from the modules beside this one. Answers are made
on the slot's event loop, where nothing else of the slot runs meanwhile; what takes its time (stacks of threads, samples
of them) comes from a thread and is waited for.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from millstream.common.errors import MillstreamError
from millstream.common.inspection.thread_dump import asyncio_tasks, threads_of_this_process
from millstream.common.inspection.thread_profiler import ThreadProfiler
from millstream.common.wire.inspection_pb2 import ProfileThreadsRequest, ThreadDump, ThreadInfo, ThreadProfile
from millstream.common.wire.metrics_pb2 import MetricDump
from millstream.common.wire.worker_pb2 import WorkerInspection, WorkerInspectionResult
from millstream.taskmanager.inspection.log_level import set_log_level
from millstream.taskmanager.inspection.sampled_task import SampledTask
from millstream.taskmanager.inspection.stack_sampler import TaskStackSampler

__all__ = ["WorkerInspections"]

_MOMENT_S = 0.01


class WorkerInspections:
    """Answers for one slot worker.

    :param own_process: the worker is a process; else the threads are its TaskManager's to tell of.
    :param metric_dump: gives the metrics of the worker's tasks.
    :param tasks: gives those that run now.
    """

    def __init__(
        self,
        own_process: bool,
        metric_dump: Callable[[], MetricDump],
        tasks: Callable[[], Iterable[SampledTask]],
    ) -> None:
        self._own_process = own_process
        self._metric_dump = metric_dump
        self._stacks = TaskStackSampler(tasks)
        self._profiler = ThreadProfiler(f"worker process {os.getpid()}")

    async def close(self) -> None:
        """End what is under way."""
        self._profiler.stop()
        await self._stacks.close()

    async def answer(self, inspection: WorkerInspection) -> WorkerInspectionResult:
        """Look, and return what is to be seen. A fault is the answer's error."""
        result = WorkerInspectionResult(request_id=inspection.request_id)
        try:
            await self._fill(result, inspection)
        except Exception as error:  # noqa: BLE001  # goes to who asked
            result = WorkerInspectionResult(request_id=inspection.request_id)
            result.error = str(error) or type(error).__qualname__
        return result

    async def _fill(self, result: WorkerInspectionResult, inspection: WorkerInspection) -> None:
        what = inspection.WhichOneof("what")
        if what == "metric_dump":
            result.metric_dump.CopyFrom(self._metric_dump())
        elif what == "thread_dump":
            result.thread_dump.CopyFrom(await self._thread_dump())
        elif what == "sample_stacks":
            result.stack_samples.CopyFrom(await self._stacks.sample(inspection.sample_stacks))
        elif what == "profile_threads":
            result.thread_profile.CopyFrom(await self._thread_profile(inspection.profile_threads))
        elif what == "set_log_level":
            set_log_level(inspection.set_log_level)
        else:
            raise MillstreamError(f"this slot worker cannot be asked for {what or 'nothing'}")

    async def _thread_dump(self) -> ThreadDump:
        if not self._own_process:  # its TaskManager tells of all threads of their process
            return ThreadDump(threads=asyncio_tasks("worker thread"))
        process = f"worker process {os.getpid()}"
        # Seen from a thread, and a moment later: the loop itself would only ever see that it makes a dump.
        looking = ThreadPoolExecutor(1, thread_name_prefix="thread dump")
        try:
            loop = asyncio.get_running_loop()
            threads = await loop.run_in_executor(looking, _look_later, process)
        finally:
            looking.shutdown(wait=False)
        return ThreadDump(threads=[*threads, *asyncio_tasks(process)])

    async def _thread_profile(self, request: ProfileThreadsRequest) -> ThreadProfile:
        if not self._own_process:  # its TaskManager looks at all threads of their process
            return ThreadProfile()
        return await self._profiler.profile(request)


def _look_later(process: str) -> list[ThreadInfo]:
    time.sleep(_MOMENT_S)
    return threads_of_this_process(process)
