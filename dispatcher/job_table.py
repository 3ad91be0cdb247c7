"""Which jobs the Dispatcher has and where each is in its life, as a pure state machine.

Events are the methods, actions what they return; the Dispatcher carries them out. Nothing in here waits or knows
the time.

A job's life is cut into steps between which the master may die, and each step leaves behind what the next leader
needs: a job is taken once its graph is kept, has ended once its result is kept, and is gone from the table once
nothing but the result is left of it. So the next leader runs what has a graph and no result, and only cleans up what
has both.
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
    "ForgetResult",
    "JobPhase",
    "JobTable",
    "ReadGraph",
    "RemoveJobData",
    "StartJobMaster",
    "StoreGraph",
    "StoreResult",
]


@dataclass(frozen=True, slots=True)
class StoreGraph:
    """Keep the job's graph, then report :meth:`JobTable.accepted` or :meth:`JobTable.not_accepted`."""

    job_id: JobID


@dataclass(frozen=True, slots=True)
class ReadGraph:
    """Read the graph that an earlier leader kept, then report :meth:`JobTable.graph_read`; until that succeeds,
    :meth:`JobTable.unreadable` after each attempt, and try again while the job is :attr:`JobPhase.READING`.
    """

    job_id: JobID


@dataclass(frozen=True, slots=True)
class StartJobMaster:
    """Start the job's JobMaster, then report :meth:`JobTable.started`."""

    job_id: JobID


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Tell the job's JobMaster to cancel it, or to wait no longer for what it needs to start. May come again."""

    job_id: JobID


@dataclass(frozen=True, slots=True)
class StoreResult:
    """Keep what became of the job, however long that takes, then report :meth:`JobTable.result_stored`."""

    job_id: JobID
    details: JobDetails


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
class RemoveJobData:
    """Remove all that is kept for the job but its result, however long that takes, then report
    :meth:`JobTable.cleaned`.

    :ivar has_result: its result is to be marked clean then.
    """

    job_id: JobID
    has_result: bool


@dataclass(frozen=True, slots=True)
class ForgetResult:
    """Keep the job's result no more."""

    job_id: JobID


@dataclass(frozen=True, slots=True)
class AllJobsEnded:
    """The shutdown was asked for, and no job is left."""


Action: TypeAlias = (
    StoreGraph
    | ReadGraph
    | StartJobMaster
    | CancelJob
    | StoreResult
    | ArchiveJob
    | CloseJobMaster
    | RemoveJobData
    | ForgetResult
    | AllJobsEnded
)


class JobPhase(Enum):
    """Where a job is in its life."""

    ACCEPTING = "ACCEPTING"
    """Its graph is being kept; nobody was told yet that it was taken."""
    READING = "READING"
    """An earlier leader took it; its graph is being read."""
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    ENDED = "ENDED"
    """It has ended, and its result is being kept; nobody was told yet."""
    CLOSING = "CLOSING"
    """Its JobMaster is being closed."""
    CLEANING = "CLEANING"
    """What is kept for it is being removed."""


_ENDING = frozenset({JobPhase.ENDED, JobPhase.CLOSING, JobPhase.CLEANING})


@dataclass(slots=True)
class _Job:
    phase: JobPhase
    has_job_master: bool = True
    cancel_when_started: bool = False
    details: JobDetails | None = None  # what it ended with
    has_result: bool = False  # which is kept
    forget_result: bool = False  # as soon as it is clean
    leave_as_it_is: bool = False  # nothing is to be removed


class JobTable:
    """The jobs that have not ended, or of which there is more than a result."""

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

    # ------------------------------------------------------------------ how a job comes in

    def submit(self, job_id: JobID) -> list[Action]:
        """A job came in.

        :raises DuplicateJobError: a job with this id runs.
        :raises MillstreamError: the cluster is shutting down.
        """
        if self._shutting_down:
            raise MillstreamError(f"Job {job_id} is refused: the cluster is shutting down.")
        if job_id in self._jobs:
            raise DuplicateJobError(f"Job {job_id} was submitted before and has not ended; submit it under a new id.")
        self._jobs[job_id] = _Job(JobPhase.ACCEPTING)
        return [StoreGraph(job_id)]

    def accepted(self, job_id: JobID) -> list[Action]:
        """The job's graph is kept."""
        return self._start(job_id, JobPhase.ACCEPTING)

    def not_accepted(self, job_id: JobID, *, may_be_kept: bool) -> list[Action]:
        """The job is not taken, and must not come up later.

        :param may_be_kept: nobody can tell whether its graph is kept.
        """
        job = self._jobs.get(job_id)
        if job is None or job.phase is not JobPhase.ACCEPTING:
            return []
        job.phase = JobPhase.CLOSING
        job.leave_as_it_is = not may_be_kept
        return [CloseJobMaster(job_id)]

    def impossible(self, job_id: JobID) -> list[Action]:
        """There can be no JobMaster for the job that just came in: it never was."""
        self._jobs.pop(job_id, None)
        return self._told_if_all_ended()

    def recover(self, job_id: JobID) -> list[Action]:
        """An earlier leader took the job, and it has not ended."""
        self._jobs[job_id] = _Job(JobPhase.READING, has_job_master=False)
        return [ReadGraph(job_id)]

    def recover_ended(self, job_id: JobID) -> list[Action]:
        """The job ended under an earlier leader, which may have left something of it behind."""
        self._jobs[job_id] = _Job(JobPhase.CLEANING, has_job_master=False, has_result=True)
        return [RemoveJobData(job_id, has_result=True)]

    def graph_read(self, job_id: JobID) -> list[Action]:
        """The graph that an earlier leader kept is there, and a JobMaster for it."""
        job = self._jobs.get(job_id)
        if job is not None and job.phase is JobPhase.READING:
            job.has_job_master = True
        return self._start(job_id, JobPhase.READING)

    def unreadable(self, job_id: JobID, cancelled: JobDetails) -> list[Action]:
        """The graph could not be read this time. The job waits until it can, unless somebody wants it cancelled.

        :param cancelled: what to tell of the job if it is.
        """
        job = self._jobs.get(job_id)
        if job is None or job.phase is not JobPhase.READING or not job.cancel_when_started:
            return []
        return self.ended(job_id, cancelled)

    def started(self, job_id: JobID) -> list[Action]:
        """The JobMaster runs."""
        job = self._jobs.get(job_id)
        if job is None or job.phase is not JobPhase.STARTING:
            return []  # the job ended, or was given up, before its JobMaster had quite started
        job.phase = JobPhase.RUNNING
        return [CancelJob(job_id)] if job.cancel_when_started else []

    # ------------------------------------------------------------------ how it ends

    def ended(self, job_id: JobID, details: JobDetails) -> list[Action]:
        """The job is in a terminal state (or its JobMaster could not be started)."""
        job = self._jobs.get(job_id)
        if job is None or job.phase in _ENDING:
            return []
        job.phase = JobPhase.ENDED
        job.details = details
        return [StoreResult(job_id, details)]

    def result_stored(self, job_id: JobID) -> list[Action]:
        """What became of the job is kept: no leader runs it again."""
        job = self._jobs.get(job_id)
        if job is None or job.details is None or job.has_result:
            return []
        job.has_result = True
        archive: list[Action] = [ArchiveJob(job_id, job.details)]
        if job.phase is not JobPhase.ENDED:  # it was given up meanwhile, and is being closed
            return archive
        job.phase = JobPhase.CLOSING
        return archive + ([CloseJobMaster(job_id)] if job.has_job_master else self._closed(job_id, job))

    def closed(self, job_id: JobID) -> list[Action]:
        """The JobMaster is closed."""
        job = self._jobs.get(job_id)
        return self._closed(job_id, job) if job is not None else []

    def cleaned(self, job_id: JobID) -> list[Action]:
        """Nothing is kept for the job any more but its result, if it has one."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return []
        forget: list[Action] = [ForgetResult(job_id)] if job.forget_result else []
        return forget + self._told_if_all_ended()

    def expired(self, job_id: JobID) -> list[Action]:
        """The job's result was there long enough, or too many others are."""
        job = self._jobs.get(job_id)
        if job is None:
            return [ForgetResult(job_id)]
        job.forget_result = True
        return []

    # ------------------------------------------------------------------ wishes

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
        """Wait for nothing any more and close the JobMasters as they are. What is kept of the jobs stays as it is, for
        the next leader if there is one.
        """
        actions: list[Action] = []
        for job_id, job in list(self._jobs.items()):
            job.leave_as_it_is = True
            if not job.has_job_master or job.phase is JobPhase.CLEANING:
                del self._jobs[job_id]
            elif job.phase is not JobPhase.CLOSING:
                job.phase = JobPhase.CLOSING
                actions.append(CloseJobMaster(job_id))
        return actions + self._told_if_all_ended()

    # ------------------------------------------------------------------ inside

    def _start(self, job_id: JobID, expected: JobPhase) -> list[Action]:
        job = self._jobs.get(job_id)
        if job is None or job.phase is not expected:
            return []
        job.phase = JobPhase.STARTING
        return [StartJobMaster(job_id)]

    def _closed(self, job_id: JobID, job: _Job) -> list[Action]:
        if job.leave_as_it_is:
            del self._jobs[job_id]
            return self._told_if_all_ended()
        job.phase = JobPhase.CLEANING
        return [RemoveJobData(job_id, job.has_result)]

    def _cancel(self, job_id: JobID, job: _Job) -> list[Action]:
        if job.phase is JobPhase.RUNNING:
            return [CancelJob(job_id)]
        job.cancel_when_started = True
        # What keeps it from starting may last.
        return [CancelJob(job_id)] if job.phase is JobPhase.STARTING else []

    def _told_if_all_ended(self) -> list[Action]:
        if not self._shutting_down or self._jobs or self._ended_told:
            return []
        self._ended_told = True
        return [AllJobsEnded()]
