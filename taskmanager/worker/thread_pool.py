"""Worker threads for slots (``taskmanager.slot.isolation: thread``)."""

from __future__ import annotations

import asyncio
import logging

from millstream.common.clock import Clock, SystemClock
from millstream.common.config import Configuration
from millstream.taskmanager.worker.thread_worker import ThreadWorker
from millstream.taskmanager.worker.worker_factory import SLOT_WORKER, SlotWorkerFactory, load_factory

__all__ = ["ThreadWorkerPool"]

_log = logging.getLogger(__name__)

_STOP_GRACE_S = 2.0


class ThreadWorkerPool:
    """The :class:`~millstream.taskmanager.worker.handle.WorkerPool` of worker threads.

    :param slot_worker: ``module:callable`` of what runs in them.
    """

    def __init__(
        self, configuration: Configuration, *, slot_worker: str = SLOT_WORKER, clock: Clock | None = None
    ) -> None:
        del configuration  # nothing to set so far; it is there for likeness with the pool of processes
        self._slot_worker = slot_worker
        self._clock = clock if clock is not None else SystemClock()
        self._factory: SlotWorkerFactory | None = None
        self._workers: list[ThreadWorker] = []
        self._next_number = 0
        self._closed = False

    async def start(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerPool`. May be called more than once."""
        if self._closed:
            raise OSError("the worker pool is closed")
        if self._factory is None:
            self._factory = load_factory(self._slot_worker)

    async def take(self) -> ThreadWorker:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerPool`."""
        await self.start()
        assert self._factory is not None, "start() has loaded it"
        self._workers = [worker for worker in self._workers if not worker.gone]
        try:
            worker = ThreadWorker(f"slot-{self._next_number}", self._factory, self._clock)
        except RuntimeError as error:
            raise OSError(f"cannot start a worker thread: {error}") from error
        self._next_number += 1
        self._workers.append(worker)
        return worker

    async def close(self) -> None:
        """See :class:`~millstream.taskmanager.worker.handle.WorkerPool`. May be called more than once."""
        self._closed = True
        workers, self._workers = self._workers, []
        for outcome in await asyncio.gather(*(w.stop(_STOP_GRACE_S) for w in workers), return_exceptions=True):
            if isinstance(outcome, BaseException):
                _log.error("a worker thread does not end", exc_info=outcome)
