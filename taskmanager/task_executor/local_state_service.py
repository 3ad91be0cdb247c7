"""When the local copies of jobs' snapshots come and go on a TaskManager.

What is slow happens in one thread, in the order in which it was asked for. A job that has lost its last slot here by a
fault may well come back for what it left, so its copies stay for a while; a job that gave its slots back has ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from millstream.common.config import Configuration
from millstream.common.ids import JobID
from millstream.common.wire import cluster_pb2 as pb
from millstream.taskmanager.local_state.local_state_manager import LocalStateManager
from millstream.taskmanager.local_state.snapshot_copies import keeps_copies

__all__ = ["LocalStateService"]

_log = logging.getLogger(__name__)

_MAY_RETURN_S = 60.0


class LocalStateService:
    """All methods belong to the TaskManager's event loop."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._manager = LocalStateManager(configuration)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="local-state")
        self._jobs: set[JobID] = set()
        self._leaving: dict[JobID, asyncio.TimerHandle] = {}
        self._closed = False

    def start(self) -> None:
        """Begin to remove what TaskManagers that were killed have left."""
        self._later(self._manager.remove_left_overs)

    async def directories_of(self, information: pb.JobInformation) -> list[str]:
        """Return where a job's workers keep copies; empty if it wants none, or there is no place for them."""
        configuration = Configuration(self._configuration)
        configuration.add_all(Configuration.from_map(dict(information.configuration)))
        if not keeps_copies(configuration) or self._closed:
            return []
        job_id = JobID(information.job_id)
        self._jobs.add(job_id)
        directories = await asyncio.wrap_future(self._thread.submit(self._manager.directories_of, job_id))
        return [str(each) for each in directories]

    def notify_checkpoint(self, job_id: JobID, checkpoint_id: int, *, completed: bool) -> None:
        """A checkpoint is complete, or never will be."""
        if job_id in self._jobs:
            action = self._manager.completed if completed else self._manager.aborted
            self._later(lambda: action(job_id, checkpoint_id))

    def job_is_here(self, job_id: JobID) -> None:
        """A job has got a slot."""
        timer = self._leaving.pop(job_id, None)
        if timer is not None:
            timer.cancel()

    def job_has_left(self, job_id: JobID, *, may_return: bool) -> None:
        """A job has no slot any more.

        :param may_return: it did not want that.
        """
        self.job_is_here(job_id)
        if job_id not in self._jobs:
            return
        if may_return:
            self._leaving[job_id] = asyncio.get_running_loop().call_later(_MAY_RETURN_S, self._forget, job_id)
        else:
            self._forget(job_id)

    async def close(self) -> None:
        """Remove everything. Nothing happens the second time."""
        if self._closed:
            return
        self._closed = True
        for timer in self._leaving.values():
            timer.cancel()
        try:
            await asyncio.wrap_future(self._thread.submit(self._manager.close))
        finally:
            self._thread.shutdown(wait=False)

    def _forget(self, job_id: JobID) -> None:
        self._leaving.pop(job_id, None)
        self._jobs.discard(job_id)
        self._later(lambda: self._manager.remove(job_id))

    def _later(self, action: Callable[[], None]) -> None:
        if not self._closed:
            self._thread.submit(action).add_done_callback(_done)


def _done(future: Future[None]) -> None:
    if not future.cancelled() and future.exception() is not None:
        _log.error("looking after local copies of snapshots failed", exc_info=future.exception())
