"""The worker launcher: a small process that forks slot workers on request.

``python -m millstream.taskmanager.worker.launcher <control fd> <worker settings>``

A fresh interpreter takes hundreds of milliseconds to import what a worker needs; a fork of one that has done so takes
a few. A process that uses gRPC must not fork, and one with threads or an event loop should not, so the TaskManager
starts this one: single-threaded, without an event loop, it imports everything once and then does nothing but fork,
pass on signals, and report each child's standstill and end. It ends when its TaskManager does (the control socket
closes), and all its children with it; when it is killed itself, the kernel kills its children.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import select
import signal
import socket
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path

from millstream.taskmanager.task.interrupt import install_signal_handler
from millstream.taskmanager.worker.launcher_protocol import (
    SAFE_PATH,
    SAFE_PATH_OF_LAUNCHER,
    Report,
    ReportKind,
    Request,
    RequestKind,
)
from millstream.taskmanager.worker.lifeline import load_lifeline, name_process
from millstream.taskmanager.worker.worker_factory import load_factory
from millstream.taskmanager.worker.worker_main import WorkerSettings, run_worker

__all__ = ["Launcher", "main"]

_log = logging.getLogger(__name__)

_ORPHAN_GRACE_S = 1.0
_PRELOADED = ("encodings.idna", "uvloop")
"""What workers need late, and optional modules that they use if they are there: imported once here, not in each."""


class Launcher:
    """Forks workers as asked over the control socket, until that closes."""

    def __init__(self, control: socket.socket, settings: WorkerSettings) -> None:
        self._control = control
        self._settings = settings
        self._children: dict[int, int] = {}  # pid -> number
        self._tie_to_parent = load_lifeline()
        self._wakeup_read, self._wakeup_write = os.pipe()
        for fd in (self._wakeup_read, self._wakeup_write):
            os.set_blocking(fd, False)

    def serve(self) -> int:
        """Serve until the TaskManager is gone; return the exit status."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # these three are for the TaskManager, or for a worker
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler, so that the wakeup pipe is written
        signal.set_wakeup_fd(self._wakeup_write)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wakeup_read, select.POLLIN)
        self._report(Report(ReportKind.READY, pid=os.getpid()))
        connected = True
        while connected:
            for fd, _ in poll.poll():
                if fd == self._wakeup_read:
                    self._drain_wakeup()
                    self._reap()
                else:
                    connected = self._serve_request()
        self._end_children()
        return 0

    def _serve_request(self) -> bool:
        try:
            data, fds, _, _ = socket.recv_fds(self._control, Request.SIZE, 1)
        except ConnectionResetError:
            return False
        if len(data) < Request.SIZE:
            for fd in fds:
                os.close(fd)
            return False
        request = Request.decode(data)
        if request.kind is RequestKind.FORK:
            with socket.socket(fileno=fds[0]) as connection:
                self._fork(request.number, connection)
        else:
            for pid, number in self._children.items():
                if number == request.number:
                    os.kill(pid, request.argument)  # not reaped yet, so the pid is still this worker's
        return True

    def _fork(self, number: int, connection: socket.socket) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._report(Report(ReportKind.FORK_FAILED, number, status=error.errno or 0))
            return
        if pid == 0:
            status = 1
            try:
                self._tie_to_parent(parent)
                status = self._become_worker(connection)
            except SystemExit as exit_request:
                status = exit_request.code if isinstance(exit_request.code, int) else 1
            except BaseException:  # noqa: BLE001  # nothing may get back into the launcher's loop
                _log.exception("the worker process %d broke", os.getpid())
            finally:
                # Not sys.exit: threads that users' libraries left behind must not keep the process.
                with contextlib.suppress(Exception):
                    logging.shutdown()
                for stream in (sys.stdout, sys.stderr):
                    with contextlib.suppress(Exception):
                        stream.flush()
                os._exit(status)
        self._children[pid] = number
        self._report(Report(ReportKind.STARTED, number, pid=pid))

    def _become_worker(self, connection: socket.socket) -> int:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._wakeup_read)
        os.close(self._wakeup_write)
        self._control.close()
        name_process("millstream-slot")
        sys.argv = ["millstream-slot-worker"]
        # The job's own functions may say that they live in __main__; the launcher's names must not be found there.
        sys.modules["__main__"] = types.ModuleType("__main__")
        return run_worker(connection, self._settings, install_signal_handler)

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._children.get(pid)
            if number is None:
                continue
            if os.WIFSTOPPED(status):
                self._report(Report(ReportKind.STOPPED, number, pid, os.WSTOPSIG(status)))
            elif os.WIFCONTINUED(status):
                self._report(Report(ReportKind.CONTINUED, number, pid))
            else:
                del self._children[pid]
                self._report(Report(ReportKind.EXITED, number, pid, os.waitstatus_to_exitcode(status)))

    def _drain_wakeup(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wakeup_read, 4096):
                pass

    def _report(self, report: Report) -> None:
        # A TaskManager that is gone is noticed by the end of the stream.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(report.encode())

    def _end_children(self) -> None:
        """Let the workers, which see the same end of the stream, go by themselves for a moment; then kill them."""
        deadline = time.monotonic() + _ORPHAN_GRACE_S
        while self._children and time.monotonic() < deadline:
            select.select([self._wakeup_read], [], [], 0.05)
            self._drain_wakeup()
            self._reap()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)


def main(arguments: Sequence[str]) -> int:
    """Run the launcher of the process: ``arguments`` are the control socket's fd and the worker settings."""
    _leave_working_directory_out_of_imports()
    settings = WorkerSettings.from_arguments(list(arguments[1:]))
    settings.logging_setup.apply(in_worker=True)
    load_factory(settings.factory)
    for name in _PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the children share these objects' memory: their collectors must not write to it
    name_process("millstream-launch")
    with socket.socket(fileno=int(arguments[0])) as control:
        return Launcher(control, settings).serve()


def _leave_working_directory_out_of_imports() -> None:
    """``python -m`` puts it first on the path, where a stray ``queue.py`` would break every worker.

    Python 3.11 and later are told by the environment not to do so, which must not reach what users start.
    """
    if os.environ.get(SAFE_PATH) == SAFE_PATH_OF_LAUNCHER:
        del os.environ[SAFE_PATH]
    if not getattr(sys.flags, "safe_path", False) and sys.path and sys.path[0] in ("", str(Path.cwd())):
        del sys.path[0]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
