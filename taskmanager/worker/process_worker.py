"""A slot worker in a process of its own, as its TaskManager holds it.

Its end has two signs: the launcher's report of how the process ended, and the end of the stream from it. Only after
both has everything that it said been heard, and only then is the end told.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable

from google.protobuf.message import DecodeError

from millstream.common.wire.worker_pb2 import StopWorker, WorkerCommand, WorkerEvent
from millstream.taskmanager.worker.exit_status import with_cause
from millstream.taskmanager.worker.message_channel import MessageChannel
from millstream.taskmanager.worker.standstill_watch import StandstillWatch

__all__ = ["ProcessWorker"]

_log = logging.getLogger(__name__)

_STREAM_END_GRACE_S = 0.5
"""A process that user code left behind may hold the dead worker's socket open; so long we wait for the stream's end."""
_KILL_TIMEOUT_S = 10.0


class ProcessWorker:
    """The :class:`~millstream.taskmanager.worker.handle.WorkerHandle` of a worker process.

    :param number: by which the launcher knows it.
    :param send_signal: has a signal sent to it.
    :param standstill_s: for so long it may stand still.
    :ivar standstill: is told, by the launcher's reports, that it stands still and that it goes on.
    """

    def __init__(
        self,
        number: int,
        connection: socket.socket,
        max_frame_bytes: int,
        send_signal: Callable[[int], None],
        standstill_s: float,
    ) -> None:
        self.number = number
        self.standstill = StandstillWatch(standstill_s, self._stands_still)
        self._send_signal = send_signal
        self._pid = 0
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._on_event: Callable[[WorkerEvent], None] | None = None
        self._on_exit: Callable[[str], None] | None = None
        self._early_events: list[WorkerEvent] = []
        self._connected = True
        self._ended: str | None = None  # how the process ended, from the launcher
        self._complaint: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._gone = asyncio.Event()
        self._channel = MessageChannel(connection, self._on_message, self._on_closed, max_frame_bytes)

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def description(self) -> str:
        return f"worker process {self._pid}"

    @property
    def gone(self) -> bool:
        """It has ended and everything it said has been heard."""
        return self._gone.is_set()

    def attach(self, on_event: Callable[[WorkerEvent], None], on_exit: Callable[[str], None]) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        self._on_event, self._on_exit = on_event, on_exit
        events, self._early_events = self._early_events, []
        for event in events:
            self._loop.call_soon(on_event, event)
        if self.gone:
            self._loop.call_soon(on_exit, self._how_it_ended())

    def send(self, command: WorkerCommand) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        self._channel.send(command.SerializeToString())

    async def stop(self, grace_seconds: float) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        if self.gone:
            return
        self.send(WorkerCommand(stop=StopWorker()))
        try:
            await asyncio.wait_for(self._gone.wait(), grace_seconds)
        except asyncio.TimeoutError:
            _log.info("%s did not end within %g s; killing it", self.description, grace_seconds)
            self.kill()
            await asyncio.wait_for(self._gone.wait(), _KILL_TIMEOUT_S)

    def interrupt(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        if self._ended is None:
            self._send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerHandle`."""
        if self._ended is None:
            self._send_signal(signal.SIGKILL)

    async def wait_started(self) -> None:
        """Return when the process is there.

        :raises OSError: it could not be started.
        """
        await asyncio.shield(self._started)

    def process_started(self, pid: int) -> None:
        """The launcher reports: the process is there."""
        self._pid = pid
        if not self._started.done():
            self._started.set_result(None)

    def process_not_started(self, error: OSError) -> None:
        """The launcher reports, or it is clear, that there will be no process."""
        if not self._started.done():
            self._started.set_exception(error)
            self._started.exception()  # the caller may have given up waiting
        self.process_ended(str(error))

    def process_ended(self, how: str) -> None:
        """The launcher reports: the process has ended."""
        if self._ended is not None:
            return
        self._ended = how
        self.standstill.goes_on()
        self._set_timer(None)
        if self._connected:
            self._set_timer(self._loop.call_later(_STREAM_END_GRACE_S, self._end_stream))
        else:
            self._end()

    def _how_it_ended(self) -> str:
        how = self._ended or "unknown end"
        return with_cause(how, self._complaint) if self._complaint else how

    def _stands_still(self, complaint: str) -> None:
        _log.error("%s is of no use: %s; killing it", self.description, complaint)
        self._complaint = complaint
        self.kill()

    def _on_message(self, message: bytes) -> None:
        try:
            event = WorkerEvent.FromString(message)
        except DecodeError:
            self._channel.close()
            self._on_closed("it sent something that is no event")
            return
        if self._on_event is None:
            self._early_events.append(event)
        else:
            self._on_event(event)

    def _on_closed(self, reason: str | None) -> None:
        self._connected = False
        if reason is not None:
            _log.error("the stream from %s is broken (%s); killing it", self.description, reason)
            self._complaint = f"its stream broke: {reason}"
        if self._ended is not None:
            self._set_timer(None)
            self._end()
        elif reason is not None:
            self.kill()
        else:  # it is about to end; if it is not, it has closed its socket and is of no use
            self._set_timer(self._loop.call_later(_STREAM_END_GRACE_S, self.kill))

    def _end_stream(self) -> None:
        self._channel.close()
        self._connected = False
        self._end()

    def _end(self) -> None:
        self._gone.set()
        if self._on_exit is not None:
            self._on_exit(self._how_it_ended())

    def _set_timer(self, timer: asyncio.TimerHandle | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer
