"""The stacks of a worker process that does not answer, because user code keeps its event loop from everything.

Just then somebody wants to know what it does. So each worker has the interpreter write all its stacks to a file in
memory when a signal comes, which needs neither the loop nor the interpreter's lock; the TaskManager reads the file
through the worker's entry in ``/proc``. Where there are no such files (not on Linux), a worker that does not answer is
not shown.
"""

from __future__ import annotations

import asyncio
import faulthandler
import fcntl
import os
import signal
from pathlib import Path
from typing import Final

from millstream.common.wire.inspection_pb2 import ThreadInfo

__all__ = ["show_stacks_on_signal", "stacks_by_signal"]

_NAME: Final = "millstream-stacks"
_SIGNAL: Final = signal.SIGUSR2
_LOOK_EVERY_S = 0.01
_LOOKS = 100


def show_stacks_on_signal() -> None:
    """Have this process write its stacks when it is asked to, from now on to its end."""
    if not hasattr(os, "memfd_create"):
        return
    file = os.memfd_create(_NAME)
    fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
    faulthandler.register(_SIGNAL, file=file, all_threads=True)


async def stacks_by_signal(pid: int, process: str) -> list[ThreadInfo]:
    """Return what a worker process does; nothing if it cannot tell.

    :param process: what it is called.
    """
    file = _file_of(pid)
    if file is None:
        return []
    try:
        with file.open("r+b", buffering=0) as stacks:
            stacks.truncate(0)
            os.kill(pid, _SIGNAL)
            written = await _written(stacks.fileno())
    except OSError:  # it has just ended
        return []
    return _threads(written, process)


def _file_of(pid: int) -> Path | None:
    """Where the process writes its stacks. One that has such a file is a worker, and knows the signal."""
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            if str(entry.readlink()).startswith(f"/memfd:{_NAME}"):
                return entry
    except OSError:  # it has ended, or there is no /proc
        return None
    return None


async def _written(file: int) -> str:
    """What there is once nothing more comes."""
    size = 0
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK_EVERY_S)
        before, size = size, os.fstat(file).st_size
        if size and size == before:
            break
    return os.pread(file, size, 0).decode(errors="replace")


def _threads(written: str, process: str) -> list[ThreadInfo]:
    """One entry for each thread: a line with its id, and its frames, innermost first."""
    found: list[ThreadInfo] = []
    for block in written.split("\n\n"):
        headline, _, stack = block.strip().partition("\n")
        if headline:
            name = f"{process} {headline.partition(' (')[0].lower()}"
            text = f'"{name}" does not answer (most recent call first)\n{stack}\n'
            found.append(ThreadInfo(name=name, text=text))
    return found
