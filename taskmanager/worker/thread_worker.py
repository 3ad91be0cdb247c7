"""A slot worker in a thread of this process, as its TaskManager holds it.

For debugging (``breakpoint()`` in a user's function works), tests and free-threaded Python. It behaves as a worker
process does, except that nobody can end a thread: one whose user code never returns is left behind, and said to be.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable

from millstream.common.clock import Clock
from millstream.common.wire.worker_pb2 import WorkerCommand, WorkerEvent
from millstream.taskmanager.task.interrupt import UserCodeSection, interrupt_current_user_code
from millstream.taskmanager.worker.event_loop import run_event_loop
from millstream.taskmanager.worker.worker_factory import SlotWorkerFactory
from millstream.taskmanager.worker.worker_session import WorkerSession

__all__ = ["ThreadWorker"]

_log = logging.getLogger(__name__)

_ABANDON_AFTER_S = 1.0


class ThreadWorker:
    """The :class:`~millstream.taskmanager.worker.handle.WorkerHandle` of a worker thread, started at once.

    :param name: of the thread.
    """

    def __init__(self, name: str, factory: SlotWorkerFactory, clock: Clock) -> None:
        self._name = name
        self._factory = factory
        self._clock = clock
        self._owner = asyncio.get_running_loop()
        self._on_event: Callable[[WorkerEvent], None] | None = None
        self._on_exit: Callable[[str], None] | None = None
        self._early_events: list[WorkerEvent] = []
        self._ended: str | None = None
        self._gone = asyncio.Event()
        self._killed = False
        self._abandon_timer: asyncio.TimerHandle | None = None
        # Made here, run there: commands may be handed over before the thread has begun.
        self._loop = asyncio.new_event_loop()
        self._session = WorkerSession(factory, self._emit, clock)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return os.getpid()

    @property
    def description(self) -> str:
        return f"worker thread {self._name}"

    @property
    def gone(self) -> bool:
        """It has ended, or was given up."""
        return self._ended is not None

    def attach(self, on_event: Callable[[WorkerEvent], None], on_exit: Callable[[str], None]) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        self._on_event, self._on_exit = on_event, on_exit
        events, self._early_events = self._early_events, []
        for event in events:
            self._owner.call_soon(on_event, event)
        if self._ended is not None:
            self._owner.call_soon(on_exit, self._ended)

    def send(self, command: WorkerCommand) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        copy = WorkerCommand()
        copy.CopyFrom(command)
        self._tell(self._session.submit, copy)

    async def stop(self, grace_seconds: float) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        if self._ended is not None:
            return
        self._tell(self._session.request_stop)
        try:
            await asyncio.wait_for(self._gone.wait(), grace_seconds)
        except asyncio.TimeoutError:
            self.kill()
            await self._gone.wait()

    def interrupt(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        ident = self._thread.ident
        if ident is not None and self._thread.is_alive():
            interrupt_current_user_code(ident)

    def kill(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`.

        The thread is told to end and its user code interrupted; if it is still there after a moment, it is reported
        as ended and left to itself.
        """
        if self._ended is not None or self._killed:
            return
        self._killed = True
        self._tell(self._session.request_stop)
        self.interrupt()
        self._abandon_timer = self._owner.call_later(_ABANDON_AFTER_S, self._abandon)

    def _tell(self, method: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(method, *arguments)
        except RuntimeError:  # the loop is closed: the thread has ended
            _log.debug("%s has ended already", self.description)

    def _emit(self, event: WorkerEvent) -> None:
        copy = WorkerEvent()
        copy.CopyFrom(event)
        self._hand_over(self._deliver, copy)

    def _hand_over(self, method: Callable[..., None], *arguments: object) -> None:
        try:
            self._owner.call_soon_threadsafe(method, *arguments)
        except RuntimeError:  # the TaskManager's loop is closed
            _log.debug("nobody listens to %s any more", self.description)

    def _run(self) -> None:
        how = "exit status 1"
        try:
            how = f"exit status {run_event_loop(self._loop, self._session.run())}"
        except BaseException as error:  # noqa: BLE001  # whatever ends it, its end is reported
            _log.exception("%s broke", self.description)
            how = f"exit status 1 ({type(error).__name__}: {error})"
        finally:
            UserCodeSection.forget_this_thread()
            self._hand_over(self._thread_ended, how)

    def _deliver(self, event: WorkerEvent) -> None:
        if self._ended is not None:
            return  # it was given up
        if self._on_event is None:
            self._early_events.append(event)
        else:
            self._on_event(event)

    def _abandon(self) -> None:
        if self._ended is None:
            _log.warning("%s does not end: its user code does not return; it is left behind", self.description)
            self._end("its thread does not end and was left behind")

    def _thread_ended(self, how: str) -> None:
        self._thread.join(_ABANDON_AFTER_S)  # it said so with its last breath
        self._end(how)

    def _end(self, how: str) -> None:
        if self._ended is not None:
            return
        if self._abandon_timer is not None:
            self._abandon_timer.cancel()
        self._ended = how
        self._gone.set()
        if self._on_exit is not None:
            self._on_exit(how)
