"""The TaskManager's side of the worker launcher: starts it, asks it for workers, notices its end.

The launcher is started by ``exec`` (never by a bare fork: this process may use gRPC and threads), so one that died
can be replaced at any time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable

from millstream.taskmanager.worker.exit_status import describe_exit
from millstream.taskmanager.worker.launcher_protocol import (
    SAFE_PATH,
    SAFE_PATH_OF_LAUNCHER,
    Report,
    ReportDecoder,
    ReportKind,
    Request,
    RequestKind,
)
from millstream.taskmanager.worker.worker_main import WorkerSettings

__all__ = ["LauncherProcess"]

_log = logging.getLogger(__name__)

_MODULE = "millstream.taskmanager.worker.launcher"
_END_TIMEOUT_S = 5.0


class LauncherProcess:
    """One launcher. Belongs to the event loop that it is made on.

    :param executable: the Python interpreter.
    :param on_report: called with each report about a worker.
    :param on_lost: called once, with how it ended, when the launcher is gone though nobody closed it.
    :raises OSError: the interpreter cannot be started.
    """

    def __init__(
        self,
        executable: str,
        settings: WorkerSettings,
        on_report: Callable[[Report], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._executable = executable
        self._on_report = on_report
        self._on_lost = on_lost
        self._decoder = ReportDecoder()
        self._outgoing: deque[tuple[bytes, socket.socket | None]] = deque()
        self._writing = False
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ending: asyncio.Task[None] | None = None
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [executable, "-m", _MODULE, str(theirs.fileno()), *settings.to_arguments()],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    env={**os.environ, SAFE_PATH: os.environ.get(SAFE_PATH) or SAFE_PATH_OF_LAUNCHER},
                )
        except OSError as error:
            ours.close()
            raise OSError(
                error.errno, f"cannot start worker processes with the interpreter {executable!r}: {error.strerror}"
            ) from error
        ours.setblocking(False)
        self._control = ours
        self._loop.add_reader(ours, self._readable)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait_ready(self) -> None:
        """Return when it has imported everything.

        :raises OSError: it ended before that.
        """
        await asyncio.shield(self._ready)

    def fork(self, number: int, connection: socket.socket) -> None:
        """Ask for worker ``number`` with ``connection``, of which it takes possession."""
        self._send(Request(RequestKind.FORK, number), connection)

    def signal(self, number: int, signum: int) -> None:
        """Have a signal sent to worker ``number``, if it lives."""
        self._send(Request(RequestKind.SIGNAL, number, signum), None)

    async def close(self) -> None:
        """End it, and with it every worker that is left."""
        if not self._closed:
            self._disconnect()
            self._give_up_ready("the worker launcher was closed before it was ready")
            await self._wait_end()
        elif self._ending is not None:
            await self._ending

    def _send(self, request: Request, connection: socket.socket | None) -> None:
        if self._closed:
            if connection is not None:
                connection.close()
            return
        self._outgoing.append((request.encode(), connection))
        if not self._writing:
            self._write()

    def _write(self) -> None:
        while self._outgoing:
            data, connection = self._outgoing[0]
            try:
                # So short a message goes out as a whole or not at all.
                socket.send_fds(self._control, [data], [] if connection is None else [connection.fileno()])
            except (BlockingIOError, InterruptedError):
                if not self._writing:
                    self._writing = True
                    self._loop.add_writer(self._control, self._write)
                return
            except OSError as error:
                _log.debug("the worker launcher takes no requests any more: %s", error)
            self._outgoing.popleft()
            if connection is not None:
                connection.close()
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._control)

    def _readable(self) -> None:
        try:
            data = self._control.recv(65536)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self._disconnect()
            self._ending = self._loop.create_task(self._report_lost())
            return
        for report in self._decoder.feed(data):
            if report.kind is not ReportKind.READY:
                self._on_report(report)
            elif not self._ready.done():
                self._ready.set_result(None)

    def _disconnect(self) -> None:
        self._closed = True
        self._loop.remove_reader(self._control)
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._control)
        self._control.close()
        for _, connection in self._outgoing:
            if connection is not None:
                connection.close()
        self._outgoing.clear()

    async def _report_lost(self) -> None:
        status = describe_exit(await self._wait_end())
        self._give_up_ready(f"the worker launcher ({self._executable}, pid {self.pid}): {status} before it was ready")
        self._on_lost(status)

    def _give_up_ready(self, reason: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(OSError(reason))
            self._ready.exception()  # there may be nobody who waits for it

    async def _wait_end(self) -> int:
        deadline = self._loop.time() + _END_TIMEOUT_S
        pause = 0.001
        while (status := self._process.poll()) is None:
            if self._loop.time() > deadline:
                _log.warning("the worker launcher (pid %d) does not end; killing it", self.pid)
                os.kill(self.pid, signal.SIGKILL)
                deadline += _END_TIMEOUT_S
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.05)
        return status
