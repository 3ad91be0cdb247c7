"""One slot worker's life on its event loop, the same in a process and in a thread.

Commands come in through :meth:`WorkerSession.submit` and are given to the slot worker one after the other, so that
"run this" and "cancel this" keep their order; what is asked of it may take its time and holds up nobody. The
session ends on ``StopWorker``, when it is told to, or when the slot worker gives up its slot.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable

from millstream.common.clock import Clock
from millstream.common.failure import ENGINE, engine_failure
from millstream.common.wire.worker_pb2 import SlotFailed, WorkerCommand, WorkerEvent
from millstream.taskmanager.worker.worker_factory import SlotWorkerFactory, SlotWorkerLike

__all__ = ["WorkerSession"]

_log = logging.getLogger(__name__)

_ANSWERED = ("operator_request", "inspection")
"""Commands that somebody waits for the answer of."""


class WorkerSession:
    """Feeds a slot worker. All methods belong to the worker's event loop.

    :param emit: takes the worker's events.
    """

    def __init__(self, factory: SlotWorkerFactory, emit: Callable[[WorkerEvent], None], clock: Clock) -> None:
        self._factory = factory
        self._emit_outside = emit
        self._clock = clock
        self._commands: asyncio.Queue[WorkerCommand] = asyncio.Queue()
        self._stopping = asyncio.Event()
        self._requests: dict[asyncio.Task[None], None] = {}  # in the order in which they began
        self._status = 0

    def submit(self, command: WorkerCommand) -> None:
        """Take a command."""
        if command.WhichOneof("command") == "stop":
            self.request_stop()
        else:
            self._commands.put_nowait(command)

    def request_stop(self) -> None:
        """End the session soon."""
        self._stopping.set()

    async def run(self) -> int:
        """Serve until the end; return the exit status (0: asked to end, 1: gave up)."""
        worker = self._factory(self._emit, self._clock)
        feeding = asyncio.ensure_future(self._feed(worker))
        try:
            await self._stopping.wait()
        finally:
            running = [feeding, *self._requests]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await worker.close()
        return self._status

    def _emit(self, event: WorkerEvent) -> None:
        self._emit_outside(event)
        if event.WhichOneof("event") == "failed":
            self._status = 1
            self.request_stop()

    async def _feed(self, worker: SlotWorkerLike) -> None:
        while True:
            command = await self._commands.get()
            if command.WhichOneof("command") in _ANSWERED:
                request = asyncio.ensure_future(self._handle(worker, command))
                self._requests[request] = None
                request.add_done_callback(self._request_ended)
            else:
                await self._handle(worker, command)

    def _request_ended(self, request: asyncio.Task[None]) -> None:
        self._requests.pop(request, None)
        if not request.cancelled():
            request.exception()  # a sys.exit() of user code, which has gone through the event loop already

    async def _handle(self, worker: SlotWorkerLike, command: WorkerCommand) -> None:
        try:
            await worker.handle(command)
        except Exception as error:  # noqa: BLE001  # reported as an event
            kind = command.WhichOneof("command")
            _log.exception("the slot worker failed on a %r command; it gives up its slot", kind)
            failure = engine_failure(
                ENGINE,
                f"the slot worker failed on a {kind!r} command: {error}",
                exception_type=type(error).__qualname__,
                full_traceback=traceback.format_exc(),
            )
            self._emit(WorkerEvent(failed=SlotFailed(failure=failure)))
