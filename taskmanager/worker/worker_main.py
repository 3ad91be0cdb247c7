"""What a worker process does between its fork and its end.

It is the child of the launcher: everything is imported, nothing runs yet. It makes an event loop, serves commands
from its socket and ends when it is told to, when its TaskManager is gone, or when its slot cannot be served.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from millstream.common.clock import SystemClock
from millstream.common.logging import LoggingSetup
from millstream.common.logging.printed_lines import print_whole_lines
from millstream.common.wire.worker_pb2 import (
    WorkerCommand,
    WorkerEvent,
    WorkerInspectionResult,
    WorkerOperatorResponse,
)
from millstream.taskmanager.inspection.stacks_on_signal import show_stacks_on_signal
from millstream.taskmanager.worker.event_loop import run_event_loop
from millstream.taskmanager.worker.framing import DEFAULT_MAX_FRAME_BYTES, FrameTooLargeError
from millstream.taskmanager.worker.message_channel import MessageChannel
from millstream.taskmanager.worker.worker_factory import SLOT_WORKER, SlotWorkerFactory, load_factory
from millstream.taskmanager.worker.worker_session import WorkerSession

__all__ = ["WorkerSettings", "run_worker"]

_log = logging.getLogger(__name__)

_ORPHAN_GRACE_S = 0.5
_FLUSH_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What all workers of one launcher have in common; travels as the launcher's command line.

    :ivar factory: ``module:callable`` that makes the slot worker.
    :ivar logging_setup: how they log.
    """

    factory: str = SLOT_WORKER
    max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES
    logging_setup: LoggingSetup = field(default_factory=lambda: LoggingSetup.to_console(logging.INFO))

    def to_arguments(self) -> list[str]:
        return [self.factory, str(self.max_frame_bytes), self.logging_setup.to_text()]

    @classmethod
    def from_arguments(cls, arguments: list[str]) -> WorkerSettings:
        factory, max_frame_bytes, logging_setup = arguments
        return cls(factory, int(max_frame_bytes), LoggingSetup.from_text(logging_setup))


def run_worker(connection: socket.socket, settings: WorkerSettings, install_interrupt: Callable[[], None]) -> int:
    """Run the worker of this process to its end; return the exit status.

    :param connection: to the TaskManager.
    :param install_interrupt: makes SIGUSR1 break into user code.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the client, which then cancels
    print_whole_lines()
    settings.logging_setup.apply(in_worker=True)
    factory = load_factory(settings.factory)
    loop = _new_event_loop()
    install_interrupt()
    show_stacks_on_signal()
    return run_event_loop(loop, _serve(connection, factory, settings))


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _serve(connection: socket.socket, factory: SlotWorkerFactory, settings: WorkerSettings) -> int:
    orphaned = asyncio.Event()

    def emit(event: WorkerEvent) -> None:
        try:
            channel.send(event.SerializeToString())
        except FrameTooLargeError as error:
            kind = event.WhichOneof("event")
            if kind == "operator_response":
                answer = WorkerOperatorResponse(request_id=event.operator_response.request_id, error=str(error))
                channel.send(WorkerEvent(operator_response=answer).SerializeToString())
            elif kind == "inspection":
                result = WorkerInspectionResult(request_id=event.inspection.request_id, error=str(error))
                channel.send(WorkerEvent(inspection=result).SerializeToString())
            else:
                raise

    session = WorkerSession(factory, emit, SystemClock())

    def on_message(message: bytes) -> None:
        try:
            command = WorkerCommand.FromString(message)
        except DecodeError:
            on_closed("the TaskManager sent something that is no command")
            return
        session.submit(command)

    def on_closed(reason: str | None) -> None:
        _log.warning("the TaskManager is gone (%s); this worker ends", reason or "connection closed")
        orphaned.set()

    channel = MessageChannel(connection, on_message, on_closed, settings.max_frame_bytes)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, session.request_stop)
    serving = asyncio.ensure_future(session.run())
    watching = asyncio.ensure_future(orphaned.wait())
    try:
        await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
        if orphaned.is_set():
            session.request_stop()
            await asyncio.wait({serving}, timeout=_ORPHAN_GRACE_S)
            return 1
        status = await serving
        await asyncio.wait_for(channel.flushed(), _FLUSH_GRACE_S)
        return status
    finally:
        watching.cancel()
        channel.close()
