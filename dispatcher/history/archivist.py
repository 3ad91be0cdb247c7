"""Writes the archives of jobs that have ended, while the master goes on.

One archive at a time is made and written in a thread, in the order in which the jobs ended. Nothing waits for it, but
the end of the master for a short while. A job whose archive did not come about is archived by the next leader, as long
as its result is remembered. Two leaders that write the same archive do no harm: a file appears whole, or not at all.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Final

from millstream.common.clock import Clock
from millstream.common.config import Configuration, JobManagerOptions
from millstream.common.errors import MillstreamError
from millstream.common.file_system import file_system_of, join, qualified
from millstream.common.ids import JobID
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.patience import patiently

__all__ = ["Archivist", "make_archivist"]

logger = logging.getLogger(__name__)

_MOST_TRIES: Final = 100
"""So often an archive is tried to be written: over about eight minutes."""


@dataclass(frozen=True, slots=True)
class _Task:
    """An archive that is to be written.

    :ivar only_if_missing: an earlier leader may have written it.
    """

    job_id: JobID
    details: JobDetails
    checkpoints: JobCheckpoints
    only_if_missing: bool


class Archivist:
    """Archives jobs into one directory. All methods belong to one event loop.

    :param directory: a local path or a URI.
    :param configuration: of the master.
    :param command_line: of the master's process, the program itself left out.
    :param most_waiting: so many jobs wait at most while the directory cannot be written to; then those that ended
        first are not archived.
    """

    def __init__(
        self, directory: str, configuration: Configuration, clock: Clock, command_line: Sequence[str], most_waiting: int
    ) -> None:
        self._directory = directory
        self._configuration = configuration
        self._clock = clock
        self._command_line = command_line
        self._most_waiting = most_waiting
        self._waiting: deque[_Task] = deque()
        self._tasks = BackgroundTasks("archivist")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive-jobs")
        self._working: asyncio.Task[None] | None = None

    def job_ended(self, job_id: JobID, details: JobDetails, checkpoints: JobCheckpoints) -> None:
        """Archive a job in a while. Never fails."""
        self._add([_Task(job_id, details, checkpoints, only_if_missing=False)])

    def ended_earlier(self, jobs: Iterable[tuple[JobID, JobDetails, JobCheckpoints]]) -> None:
        """Archive those jobs of earlier leaders, in a while, that they have not archived. Never fails."""
        self._add(_Task(*job, only_if_missing=True) for job in jobs)

    async def close(self, seconds: float) -> None:
        """Write what is waiting, at most so long; then stop. May be called twice."""
        await self._tasks.drain(seconds)
        if self._waiting:
            logger.warning(
                "%d jobs are not archived in %s, the master ends: %s",
                len(self._waiting),
                self._directory,
                ", ".join(task.job_id for task in self._waiting),
            )
            self._waiting.clear()
        await self._tasks.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _add(self, tasks: Iterable[_Task]) -> None:
        self._waiting.extend(tasks)
        while len(self._waiting) > self._most_waiting:
            dropped = self._waiting.popleft()
            logger.error("Job %s is not archived in %s: too many others wait.", dropped.job_id, self._directory)
        if self._waiting and (self._working is None or self._working.done()):
            self._working = self._tasks.spawn(self._work(), "archive jobs")

    async def _work(self) -> None:
        while self._waiting:
            task = self._waiting[0]
            try:
                await self._archive(task)
            except Exception:  # the other jobs must be archived all the same
                logger.exception("Job %s is not archived in %s", task.job_id, self._directory)
            if self._waiting and self._waiting[0] is task:
                self._waiting.popleft()

    async def _archive(self, task: _Task) -> None:
        loop = asyncio.get_running_loop()
        tries = count(1)
        size = await patiently(
            f"Job {task.job_id} cannot be archived in {self._directory} (jobmanager.archive.fs.dir)",
            lambda: loop.run_in_executor(self._thread, self._write, task),
            lambda error: isinstance(error, (MillstreamError, OSError)) and next(tries) < _MOST_TRIES,
        )
        if size is not None:
            logger.info("Job %s is archived in %s: %d bytes", task.job_id, self._directory, size)

    def _write(self, task: _Task) -> int | None:
        """Returns the size of the archive, ``None`` if it was there already."""
        # Imported here: what makes the bodies takes long to import, and only masters that archive need it.
        from millstream.dispatcher.history.archive_file import encode
        from millstream.dispatcher.history.job_answers import job_answers

        path = join(qualified(self._directory, self._configuration), task.job_id)
        files = file_system_of(path, self._configuration)
        if task.only_if_missing and files.exists(path):
            return None
        answers = job_answers(
            task.details, task.checkpoints, self._configuration, self._command_line, self._clock.now_ms()
        )
        return files.write(path, encode(answers))


def make_archivist(configuration: Configuration, clock: Clock) -> Archivist | None:
    """Return what archives the jobs of this process, ``None``: jobs are not archived."""
    directory = configuration.get(JobManagerOptions.ARCHIVE_DIR)
    if not directory:
        return None
    most_waiting = configuration.get(JobManagerOptions.JOB_STORE_MAX_CAPACITY)
    return Archivist(directory, configuration, clock, sys.orig_argv[1:], most_waiting)
