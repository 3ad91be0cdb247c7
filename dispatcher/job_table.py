"""Which jobs the Dispatcher runs and where each is in its life, as a pure state machine.

Events are the methods, actions what they return; the Dispatcher carries them out. Nothing in here waits or knows
the time. A job that has ended and whose JobMaster is closed is no longer in the table: it is in the archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from millstream.common.errors import DuplicateJobError, JobNotFoundError, MillstreamError
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails

__all__ = [
    "Action",
    "AllJobsEnded",
    "ArchiveJob",
    "CancelJob",
    "CloseJobMaster",
    "JobPhase",
    "JobTable",
    "StartJobMaster",
]


@dataclass(frozen=True, slots=True)
class StartJobMaster:
    """Start the job's JobMaster, then report :meth:`JobTable.started`."""

    job_id: JobID


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Tell the job's JobMaster to cancel it."""

    job_id: JobID


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """Put the job into the archive and answer those who wait for its end."""

    job_id: JobID
    details: JobDetails


@dataclass(frozen=True, slots=True)
class CloseJobMaster:
    """Close the job's JobMaster, then report :meth:`JobTable.closed`."""

    job_id: JobID


@dataclass(frozen=True, slots=True)
class AllJobsEnded:
    """The shutdown was asked for, and no job is left."""


Action: TypeAlias = StartJobMaster | CancelJob | ArchiveJob | CloseJobMaster | AllJobsEnded


class JobPhase(Enum):
    """Where a job's JobMaster is in its life."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    CLOSING = "CLOSING"


@dataclass(slots=True)
class _Job:
    phase: JobPhase
    cancel_when_started: bool = False


class JobTable:
    """The jobs that have a JobMaster."""

    def __init__(self) -> None:
        self._jobs: dict[JobID, _Job] = {}
        self._shutting_down = False
        self._ended_told = False

    def __contains__(self, job_id: JobID) -> bool:
        return job_id in self._jobs

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def shutting_down(self) -> bool:
        return self._shutting_down

    def phase(self, job_id: JobID) -> JobPhase | None:
        """Return the job's phase, ``None`` if it is not in the table."""
        job = self._jobs.get(job_id)
        return job.phase if job is not None else None

    def submit(self, job_id: JobID) -> list[Action]:
        """A job came in.

        :raises DuplicateJobError: a job with this id runs.
        :raises MillstreamError: the cluster is shutting down.
        """
        if self._shutting_down:
            raise MillstreamError(f"Job {job_id} is refused: the cluster is shutting down.")
        if job_id in self._jobs:
            raise DuplicateJobError(f"Job {job_id} was submitted before and has not ended; submit it under a new id.")
        self._jobs[job_id] = _Job(JobPhase.STARTING)
        return [StartJobMaster(job_id)]

    def started(self, job_id: JobID) -> list[Action]:
        """The JobMaster runs."""
        job = self._jobs.get(job_id)
        if job is None or job.phase is not JobPhase.STARTING:
            return []  # the job ended, or was given up, before its JobMaster had quite started
        job.phase = JobPhase.RUNNING
        return [CancelJob(job_id)] if job.cancel_when_started else []

    def ended(self, job_id: JobID, details: JobDetails) -> list[Action]:
        """The job is in a terminal state (or its JobMaster could not be started)."""
        job = self._jobs.get(job_id)
        if job is None or job.phase is JobPhase.CLOSING:
            return []
        job.phase = JobPhase.CLOSING
        return [ArchiveJob(job_id, details), CloseJobMaster(job_id)]

    def closed(self, job_id: JobID) -> list[Action]:
        """The JobMaster is closed."""
        self._jobs.pop(job_id, None)
        return self._told_if_all_ended()

    def cancel(self, job_id: JobID) -> list[Action]:
        """Somebody wants the job cancelled.

        :raises JobNotFoundError: it is not in the table.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise JobNotFoundError(f"No running job has the id {job_id}.")
        return self._cancel(job_id, job)

    def shut_down(self) -> list[Action]:
        """The cluster is to end: take no more jobs, cancel all."""
        if self._shutting_down:
            return []
        self._shutting_down = True
        actions = [action for job_id, job in self._jobs.items() for action in self._cancel(job_id, job)]
        return actions + self._told_if_all_ended()

    def give_up(self) -> list[Action]:
        """The jobs had long enough to end after the shutdown: close their JobMasters as they are."""
        actions: list[Action] = []
        for job_id, job in self._jobs.items():
            if job.phase is not JobPhase.CLOSING:
                job.phase = JobPhase.CLOSING
                actions.append(CloseJobMaster(job_id))
        return actions

    def _cancel(self, job_id: JobID, job: _Job) -> list[Action]:
        if job.phase is JobPhase.RUNNING:
            return [CancelJob(job_id)]
        job.cancel_when_started = True
        return []

    def _told_if_all_ended(self) -> list[Action]:
        if not self._shutting_down or self._jobs or self._ended_told:
            return []
        self._ended_told = True
        return [AllJobsEnded()]
