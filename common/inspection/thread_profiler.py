"""Where the threads of a process spend their time: their stacks, looked at again and again for a while.

A thread looks, and sleeps between two looks; nothing is slower while nobody asks. Stacks are counted by function and
not by line, and each function is named once: minutes of a busy process make a message of some hundred kilobytes.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import CodeType, FrameType
from typing import Final

from millstream.common.errors import MillstreamError
from millstream.common.inspection.stack_frames import Waiting, function_name
from millstream.common.wire.inspection_pb2 import ProfileThreadsRequest, ThreadProfile

__all__ = ["OTHER_STACKS", "ThreadProfiler"]

OTHER_STACKS: Final = "[other stacks]"
"""Stands for what a thread did in stacks that were not told apart any more, as there were too many."""
_MAX_STACKS: Final = 10_000


class ThreadProfiler:
    """Profiles the threads of this process, once at a time. Belongs to one event loop.

    :param process: what the process is called.
    """

    def __init__(self, process: str) -> None:
        self._process = process
        self._stop: threading.Event | None = None

    async def profile(self, request: ProfileThreadsRequest) -> ThreadProfile:
        """Return what was seen, when the time is over.

        :raises MillstreamError: there is nothing to do, or the process is being profiled already.
        """
        if request.duration_ms < 1 or request.interval_ms < 1:
            raise MillstreamError(
                f"Threads cannot be profiled for {request.duration_ms} ms every {request.interval_ms} ms: both are at "
                "least 1."
            )
        if self._stop is not None:
            raise MillstreamError(f"The {self._process} is still under profiling: wait until that has ended.")
        stop = self._stop = threading.Event()
        profile = _Profile(self._process, request, stop)
        thread = ThreadPoolExecutor(1, thread_name_prefix="thread profiler")
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, profile.run)
        finally:
            stop.set()
            thread.shutdown()  # it has ended, or ends with the look that it is at
            self._stop = None

    def stop(self) -> None:
        """End what is under way: it returns what was seen so far."""
        if self._stop is not None:
            self._stop.set()


class _Profile:
    """What the thread does."""

    def __init__(self, process: str, request: ProfileThreadsRequest, stop: threading.Event) -> None:
        self._process = process
        self._duration_s = request.duration_ms / 1000
        self._interval_s = request.interval_ms / 1000
        self._max_depth = request.max_depth or sys.maxsize
        self._on_cpu_only = request.on_cpu_only
        self._stop = stop
        self._waiting = Waiting()
        self._numbers: dict[str, int] = {}
        self._functions: dict[CodeType, int] = {}
        self._seen: Counter[tuple[int, ...]] = Counter()

    def run(self) -> ThreadProfile:
        deadline = time.monotonic() + self._duration_s
        while time.monotonic() < deadline and not self._stop.wait(self._interval_s):
            self._look()
        profile = ThreadProfile(frames=self._numbers)
        for frames, count in self._seen.items():
            profile.stacks.add(frames=frames, count=count)
        return profile

    def _look(self) -> None:
        own = threading.get_ident()
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for ident, innermost in sys._current_frames().items():
            if ident == own or (self._on_cpu_only and self._waiting.at(innermost)):
                continue
            thread = self._number(f"{self._process} {names.get(ident, f'thread {ident}')}")
            stack = (thread, *self._stack(innermost))
            if len(self._seen) >= _MAX_STACKS and stack not in self._seen:
                stack = (thread, self._number(OTHER_STACKS))
            self._seen[stack] += 1

    def _stack(self, innermost: FrameType) -> list[int]:
        """Outermost first; of a deep stack the innermost frames."""
        stack: list[int] = []
        frame: FrameType | None = innermost
        while frame is not None and len(stack) < self._max_depth:
            function = self._functions.get(frame.f_code)
            if function is None:
                function = self._functions[frame.f_code] = self._number(function_name(frame))
            stack.append(function)
            frame = frame.f_back
        stack.reverse()
        return stack

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))
