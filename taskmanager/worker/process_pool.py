"""Worker processes for slots, some of them started ahead of time.

A job gets processes that are there already; those that take their place are started a moment later, so that they do
not compete with the job's start. A worker that was taken is never given to anybody else.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections import deque

from millstream.common.config import (
    Configuration,
    HeartbeatOptions,
    PythonOptions,
    RpcOptions,
    TaskManagerOptions,
)
from millstream.common.logging import LoggingSetup, active_setup
from millstream.taskmanager.worker.exit_status import describe_exit, describe_signal
from millstream.taskmanager.worker.framing import DEFAULT_MAX_FRAME_BYTES
from millstream.taskmanager.worker.launcher_process import LauncherProcess
from millstream.taskmanager.worker.launcher_protocol import Report, ReportKind
from millstream.taskmanager.worker.process_worker import ProcessWorker
from millstream.taskmanager.worker.worker_factory import SLOT_WORKER
from millstream.taskmanager.worker.worker_main import WorkerSettings

__all__ = ["ProcessWorkerPool"]

_log = logging.getLogger(__name__)

_START_ATTEMPTS = 3
_START_PAUSE_S = 0.05
_START_TIMEOUT_S = 30.0
_REPLENISH_DELAY_S = 0.3
_STOP_GRACE_S = 2.0
_RESTART_DELAYS_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)


class ProcessWorkerPool:
    """The :class:`~millstream.taskmanager.worker.handle.WorkerPool` of worker processes.

    :param spare: how many unused workers to keep; -1: one per slot.
    :param slot_worker: ``module:callable`` of what runs inside them.
    """

    def __init__(self, configuration: Configuration, spare: int, *, slot_worker: str = SLOT_WORKER) -> None:
        self._spare_wanted = spare if spare >= 0 else configuration.get(TaskManagerOptions.NUM_TASK_SLOTS)
        self._executable = configuration.get(PythonOptions.EXECUTABLE) or sys.executable
        self._settings = WorkerSettings(
            factory=slot_worker,
            max_frame_bytes=max(DEFAULT_MAX_FRAME_BYTES, 2 * configuration.get(RpcOptions.FRAMESIZE)),
            logging_setup=active_setup() or LoggingSetup.to_console(logging.getLogger().getEffectiveLevel()),
        )
        self._standstill_s: float = configuration.get(HeartbeatOptions.TIMEOUT).total_seconds()
        self._workers: dict[int, ProcessWorker] = {}  # all that live, by number
        self._spare: deque[ProcessWorker] = deque()
        self._next_number = 1
        self._launcher: LauncherProcess | None = None
        self._failed_launches = 0
        self._start_task: asyncio.Task[None] | None = None
        self._restart_task: asyncio.Task[None] | None = None
        self._replenish_task: asyncio.Task[None] | None = None
        self._replenish_timer: asyncio.TimerHandle | None = None
        self._close_task: asyncio.Task[None] | None = None

    @property
    def launcher_pid(self) -> int | None:
        """Process id of the launcher, if one is there."""
        return None if self._launcher is None else self._launcher.pid

    @property
    def spare_workers(self) -> int:
        """How many workers are ready to be taken."""
        return len(self._spare)

    async def start(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerPool`. May be called more than once."""
        if self._close_task is not None:
            raise OSError("the worker pool is closed")
        if self._start_task is None:
            self._start_task = asyncio.ensure_future(self._start())
        await asyncio.shield(self._start_task)

    async def take(self) -> ProcessWorker:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerPool`."""
        await self.start()
        worker: ProcessWorker | None = None
        while self._spare and worker is None:
            candidate = self._spare.popleft()
            worker = None if candidate.gone else candidate
        if worker is None:
            worker = await self._start_worker()
        self._replenish_later()
        return worker

    async def close(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerPool`. May be called more than once."""
        if self._close_task is None:
            self._close_task = asyncio.ensure_future(self._close())
        await asyncio.shield(self._close_task)

    async def _start(self) -> None:
        self._launch()
        for attempt in range(1, _START_ATTEMPTS + 1):
            try:
                if self._spare_wanted > 0:
                    self._spare.append(await self._start_worker())
                    self._replenish()
                else:
                    await self._ready_launcher()
                return
            except OSError as error:
                if attempt == _START_ATTEMPTS:
                    raise
                # A launcher that is killed while it starts is replaced; only one that cannot live is a reason to stop.
                _log.warning("no worker process yet: %s", error)
                await asyncio.sleep(_START_PAUSE_S)

    async def _close(self) -> None:
        if self._replenish_timer is not None:
            self._replenish_timer.cancel()
        helpers = [task for task in (self._start_task, self._restart_task, self._replenish_task) if task is not None]
        for task in helpers:
            task.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        self._spare.clear()
        stops = (worker.stop(_STOP_GRACE_S) for worker in list(self._workers.values()))
        for outcome in await asyncio.gather(*stops, return_exceptions=True):
            if isinstance(outcome, BaseException):
                _log.error("a worker process does not end", exc_info=outcome)
        if self._launcher is not None:
            await self._launcher.close()
            self._launcher = None

    def _launch(self) -> None:
        self._launcher = LauncherProcess(self._executable, self._settings, self._on_report, self._on_launcher_lost)

    async def _ready_launcher(self) -> LauncherProcess:
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT_S
        while True:
            launcher = self._launcher
            try:
                if launcher is not None:
                    await asyncio.wait_for(launcher.wait_ready(), _START_TIMEOUT_S)
                    return launcher
                if self._restart_task is None or asyncio.get_running_loop().time() > deadline:
                    raise OSError("no worker launcher is running, so no worker processes can be started")
                await asyncio.wait({self._restart_task}, timeout=_START_TIMEOUT_S)
            except asyncio.TimeoutError:
                raise OSError(f"the worker launcher was not ready within {_START_TIMEOUT_S:g} s") from None

    async def _start_worker(self) -> ProcessWorker:
        launcher = await self._ready_launcher()
        number = self._next_number
        self._next_number += 1
        ours, theirs = socket.socketpair()
        worker = ProcessWorker(
            number,
            ours,
            self._settings.max_frame_bytes,
            lambda signum: launcher.signal(number, signum),
            self._standstill_s,
        )
        self._workers[number] = worker
        launcher.fork(number, theirs)
        try:
            await asyncio.wait_for(worker.wait_started(), _START_TIMEOUT_S)
        except asyncio.TimeoutError:
            worker.kill()
            raise OSError(f"no worker process was started within {_START_TIMEOUT_S:g} s") from None
        return worker

    def _replenish_later(self) -> None:
        if self._close_task is not None:
            return
        if self._replenish_timer is not None:
            self._replenish_timer.cancel()
        self._replenish_timer = asyncio.get_running_loop().call_later(_REPLENISH_DELAY_S, self._replenish)

    def _replenish(self) -> None:
        if self._close_task is None and (self._replenish_task is None or self._replenish_task.done()):
            self._replenish_task = asyncio.ensure_future(self._start_spare_workers())

    async def _start_spare_workers(self) -> None:
        try:
            while len(self._spare) < self._spare_wanted and self._close_task is None:
                self._spare.append(await self._start_worker())
        except OSError as error:
            _log.warning("cannot start worker processes ahead of time: %s", error)

    def _on_report(self, report: Report) -> None:
        worker = self._workers.get(report.number)
        if worker is None:
            return
        if report.kind is ReportKind.STARTED:
            self._failed_launches = 0
            worker.process_started(report.pid)
        elif report.kind is ReportKind.FORK_FAILED:
            self._forget(worker)
            reason = os.strerror(report.status)
            worker.process_not_started(OSError(report.status, f"cannot fork a worker process: {reason}"))
        elif report.kind is ReportKind.STOPPED:
            _log.warning("%s stands still (%s)", worker.description, describe_signal(report.status))
            worker.standstill.stopped()
        elif report.kind is ReportKind.CONTINUED:
            _log.info("%s goes on", worker.description)
            worker.standstill.goes_on()
        else:
            self._forget(worker)
            worker.process_ended(describe_exit(report.status))

    def _forget(self, worker: ProcessWorker) -> None:
        self._workers.pop(worker.number, None)
        if worker in self._spare:
            self._spare.remove(worker)
            _log.warning("the spare %s ended by itself", worker.description)
            self._replenish_later()

    def _on_launcher_lost(self, how: str) -> None:
        launcher, self._launcher = self._launcher, None
        pid = 0 if launcher is None else launcher.pid
        workers = list(self._workers.values())
        self._workers.clear()
        self._spare.clear()
        _log.error("the worker launcher (pid %d) ended (%s), and %d workers with it", pid, how, len(workers))
        for worker in workers:
            # The kernel kills them when their parent dies.
            end = f"killed by signal 9 (SIGKILL) because the worker launcher (pid {pid}) ended: {how}"
            worker.process_not_started(OSError(end))
        if self._close_task is None:
            self._restart_task = asyncio.ensure_future(self._restart_launcher())

    async def _restart_launcher(self) -> None:
        delay = _RESTART_DELAYS_S[min(self._failed_launches, len(_RESTART_DELAYS_S) - 1)]
        self._failed_launches += 1
        await asyncio.sleep(delay)
        try:
            self._launch()
        except OSError as error:
            _log.error("%s", error)
            self._restart_task = asyncio.ensure_future(self._restart_launcher())
            return
        self._replenish()
