"""How a TaskManager holds the workers of its slots, whatever they run in.

A worker is a process of its own (default) or a thread of this process (debugging, tests). The TaskManager sees a
:class:`WorkerHandle` either way: it sends commands, gets events, and learns of the worker's end exactly once. A
worker serves one job and is never given to another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from millstream.common.wire.worker_pb2 import WorkerCommand, WorkerEvent

__all__ = ["WorkerHandle", "WorkerPool"]


class WorkerHandle(Protocol):
    """One slot worker, seen from the TaskManager's event loop."""

    @property
    def pid(self) -> int:
        """Process id (of this process, for a thread)."""
        ...

    @property
    def description(self) -> str:
        """For messages: ``worker process 4711`` or ``worker thread slot-0``."""
        ...

    def attach(self, on_event: Callable[[WorkerEvent], None], on_exit: Callable[[str], None]) -> None:
        """Say who listens. Both are called on the event loop; ``on_exit`` once, after the last event, with how it
        ended (``killed by signal 9 (SIGKILL)``, ``exit status 1``), also after :meth:`stop` and :meth:`kill`.
        """
        ...

    def send(self, command: WorkerCommand) -> None:
        """Queue a command. Ignored when the worker has ended."""
        ...

    async def stop(self, grace_seconds: float) -> None:
        """Ask it to end, kill it after the grace period, return when it is gone."""
        ...

    def interrupt(self) -> None:
        """Break into blocking user code on the worker's event loop thread: it raises
        :class:`~millstream.taskmanager.task.interrupt.TaskInterrupted` there. Nothing happens while no user code
        runs.
        """
        ...

    def kill(self) -> None:
        """End it at once (a thread can only be told to)."""
        ...


class WorkerPool(Protocol):
    """Makes workers, some of them ahead of time."""

    async def start(self) -> None:
        """Get ready; returns when at least one worker can be had at once."""
        ...

    async def take(self) -> WorkerHandle:
        """Give a fresh worker that nobody has used. Raises :class:`OSError` if none can be started."""
        ...

    async def close(self) -> None:
        """End all workers, also those taken, and everything that makes them."""
        ...
