"""What the threads and the asyncio tasks of a process are doing now.

For a person who wants to know why nothing moves. A thread stands with the state that the operating system gives it, as
far as it tells, and its stack, the innermost call last, as in a traceback.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from pathlib import Path
from types import CoroutineType, FrameType

from millstream.common.wire.inspection_pb2 import ThreadInfo

__all__ = ["asyncio_tasks", "threads_of_this_process"]

_MAX_FRAMES = 100
_MAX_TASKS = 500
_STATES = {"R": "RUNNABLE", "S": "WAITING", "D": "BLOCKED", "T": "STOPPED", "t": "STOPPED", "Z": "TERMINATED"}


def threads_of_this_process(process: str) -> list[ThreadInfo]:
    """Return all Python threads, the main thread first.

    :param process: what the process is called.
    """
    frames = sys._current_frames()
    known = {thread.ident: thread for thread in threading.enumerate()}
    first = threading.main_thread().ident
    idents = sorted(frames, key=lambda ident: (ident != first, ident))
    return [_describe_thread(process, ident, known.get(ident), frames[ident]) for ident in idents]


def asyncio_tasks(process: str) -> list[ThreadInfo]:
    """Return the tasks of the running event loop, with where they wait; who asks is left out.

    :param process: what the process is called.
    """
    asking = asyncio.current_task()
    tasks = sorted((each for each in asyncio.all_tasks() if each is not asking), key=lambda each: each.get_name())
    described: list[ThreadInfo] = []
    for task in tasks[:_MAX_TASKS]:
        name = f"{process} asyncio {task.get_name()}"
        stack = [line for frame in _awaiting(task.get_coro()) for line in _stack(frame, 1)]
        described.append(ThreadInfo(name=name, text=_text(name, "asyncio task, WAITING", stack)))
    return described


def _describe_thread(process: str, ident: int, thread: threading.Thread | None, frame: FrameType) -> ThreadInfo:
    name = f"{process} {'thread ' + str(ident) if thread is None else thread.name}"
    native = None if thread is None else thread.native_id
    about = [f"id={ident if native is None else native}"]
    if thread is not None and thread.daemon:
        about.append("daemon")
    about.append("UNKNOWN" if native is None else _state(native))
    return ThreadInfo(name=name, text=_text(name, " ".join(about), _stack(frame, _MAX_FRAMES)))


def _awaiting(coroutine: object) -> list[FrameType]:
    """The frames of a coroutine and of those that it waits for, innermost last."""
    frames: list[FrameType] = []
    while isinstance(coroutine, CoroutineType) and len(frames) < _MAX_FRAMES:
        if coroutine.cr_frame is not None:
            frames.append(coroutine.cr_frame)
        coroutine = coroutine.cr_await
    return frames


def _state(native_id: int) -> str:
    """What the operating system says of a thread; only Linux does."""
    try:
        line = Path(f"/proc/self/task/{native_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # another system, or the thread has just ended
        return "UNKNOWN"
    return _STATES.get(line.rpartition(")")[2].split(None, 1)[0], "UNKNOWN")


def _stack(frame: FrameType, limit: int) -> list[str]:
    return traceback.format_stack(frame, limit)


def _text(name: str, about: str, stack: list[str]) -> str:
    return f'"{name}" {about}\n' + "".join(stack)
