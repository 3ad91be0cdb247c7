"""Looks again and again where the tasks of a slot worker are, for flame graphs.

A thread looks, which needs no privileges and no help of the loop that it looks at: between two looks it sleeps, so
what it costs are some dozens of microseconds for each. A look finds a task's code on the stack of the loop's thread
(the frames outside of the task are left out), or the task waits, and then its coroutine tells where. A source with a
thread of its own is seen there as well.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from millstream.common.inspection.stack_frames import Waiting, frame_name
from millstream.common.wire.inspection_pb2 import SampleStacksRequest, StackSamples
from millstream.taskmanager.inspection.sampled_task import SampledTask
from millstream.taskmanager.inspection.sampling_limits import check_sampling, longest_sampling_s

__all__ = ["TaskStackSampler"]


class TaskStackSampler:
    """Has at most one sampling under way; who asks for the same meanwhile gets its outcome. Belongs to the slot's loop.

    :param tasks: gives the tasks that run now.
    """

    def __init__(self, tasks: Callable[[], Iterable[SampledTask]]) -> None:
        self._tasks = tasks
        self._under_way: asyncio.Task[StackSamples] | None = None
        self._what: tuple[int, int, int] | None = None
        self._stop = threading.Event()
        self._waiting = 0

    async def sample(self, request: SampleStacksRequest) -> StackSamples:
        """Return what was seen of the wanted tasks; nothing of those that do not run here.

        :raises MillstreamError: there is nothing to do, or it would last too long.
        """
        check_sampling(request)
        what = (request.samples, request.interval_ms, request.max_depth)
        while self._under_way is not None and (self._what != what or self._stop.is_set()):
            await asyncio.wait({self._under_way})
        if self._under_way is None:
            self._what = what
            self._stop = threading.Event()
            self._under_way = asyncio.get_running_loop().create_task(self._run(request), name="sample stacks")
        under_way, stop = self._under_way, self._stop
        self._waiting += 1
        try:
            # Nobody who goes away takes it from the others; the last one ends it.
            samples = await asyncio.shield(under_way)
        finally:
            self._waiting -= 1
            if not self._waiting:
                stop.set()
        wanted = set(request.attempt_ids)
        return StackSamples(attempts=[each for each in samples.attempts if each.attempt_id in wanted])

    async def close(self) -> None:
        """End what is under way."""
        self._stop.set()
        if self._under_way is not None:
            await asyncio.wait({self._under_way})

    async def _run(self, request: SampleStacksRequest) -> StackSamples:
        sampling = _Sampling(list(self._tasks()), threading.get_ident(), request, self._stop)
        thread = ThreadPoolExecutor(1, thread_name_prefix="stack sampler")
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, sampling.run)
        finally:
            self._stop.set()
            thread.shutdown(wait=False)
            self._under_way = None


class _Sampling:
    """What the thread does."""

    def __init__(
        self, tasks: list[SampledTask], loop_thread: int, request: SampleStacksRequest, stop: threading.Event
    ) -> None:
        self._tasks = tasks
        self._loop_thread = loop_thread
        self._looks = request.samples
        self._interval_s = request.interval_ms / 1000
        self._max_depth = request.max_depth or None
        self._lasts_s = longest_sampling_s(request)
        self._stop = stop
        self._waiting = Waiting()
        self._seen: dict[str, Counter[tuple[tuple[str, ...], bool]]] = {task.attempt_id: Counter() for task in tasks}

    def run(self) -> StackSamples:
        deadline = time.monotonic() + self._lasts_s
        for _ in range(self._looks):
            if self._stop.wait(self._interval_s) or time.monotonic() > deadline:
                break
            self._look()
        samples = StackSamples()
        for attempt_id, seen in self._seen.items():
            attempt = samples.attempts.add(attempt_id=attempt_id)
            for (frames, on_cpu), count in seen.items():
                attempt.samples.add(frames=frames, on_cpu=on_cpu, count=count)
        return samples

    def _look(self) -> None:
        stacks = sys._current_frames()
        for task in self._tasks:
            for stack in task.look(self._loop_thread, stacks, self._waiting):
                self._seen[task.attempt_id][self._names(stack.frames), stack.on_cpu] += 1

    def _names(self, frames: list[FrameType]) -> tuple[str, ...]:
        """Outermost first; of a deep stack the innermost frames."""
        names = [frame_name(frame) for frame in frames[: self._max_depth]]
        names.reverse()
        return tuple(names)
