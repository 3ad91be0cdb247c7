"""What the Dispatcher keeps for the leaders after it: graphs of the jobs it took, results of those that have ended.

The stores write once and say what happened; whatever must not be lost is tried again here, with growing pauses, as
long as the term goes on: a hiccup of the storage or of ZooKeeper is no reason to lose a result, and other jobs do not
wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import Leadership
from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.patience import patiently

__all__ = ["JobKeeper", "KeptJobs"]

GRAPH_KEPT: Final = FaultPoint("dispatcher.graph-kept", "a job's graph is kept, its client has no answer yet")
RESULT_KEPT: Final = FaultPoint("dispatcher.result-kept", "a job's result is kept, nothing of the job is removed yet")
DATA_REMOVED: Final = FaultPoint(
    "dispatcher.job-data-removed", "nothing but the result of a job is left, and the result is not marked clean yet"
)


@dataclass(frozen=True, slots=True)
class KeptJobs:
    """What earlier leaders left.

    :ivar results: of all jobs that have ended, those that ended first before others.
    :ivar to_clean: jobs that have ended and of which there may be more than a result.
    :ivar to_run: jobs that have not ended.
    """

    results: list[JobDetails]
    to_clean: list[JobID]
    to_run: list[JobID]


class JobKeeper:
    """Reads and writes under one term. Methods that say so are repeated until they succeed; all of them raise
    LeadershipLostError when the term is over, and may be cancelled.
    """

    def __init__(self, leadership: Leadership) -> None:
        self._leadership = leadership

    async def kept_jobs(self) -> KeptJobs:
        """Return what earlier leaders left. Repeated."""
        return await patiently("What earlier leaders have kept cannot be read", self._kept_jobs)

    async def keep_graph(self, graph: JobGraph) -> None:
        """From when this returns the job is taken, whoever leads. Not repeated: its client waits.

        :raises MillstreamError: the graph could not be kept, or nobody can tell whether it was.
        """
        await self._leadership.job_graphs.put(graph)
        GRAPH_KEPT.reach()

    async def graph(self, job_id: JobID) -> JobGraph:
        """Return what :meth:`keep_graph` has kept. Not repeated.

        :raises MillstreamError: it cannot be read; the message names the file.
        """
        return await self._leadership.job_graphs.get(job_id)

    async def result(self, job_id: JobID) -> JobDetails | None:
        """Return what became of a job, ``None`` if it has not ended or nobody remembers. Not repeated.

        :raises MillstreamError: it cannot be read.
        """
        return await self._leadership.job_results.get(job_id)

    async def keep_result(self, job_id: JobID, details: JobDetails) -> None:
        """From when this returns the job has ended, whoever leads. Repeated."""

        async def keep() -> None:
            await self._leadership.job_results.put_dirty(details)
            RESULT_KEPT.reach()

        await patiently(f"Job {job_id} is {details.summary.state}, but that cannot be kept", keep)

    async def remove_job(self, job_id: JobID, has_result: bool) -> None:
        """Remove all that is kept for a job but its result, which is clean then. Repeated."""

        async def remove() -> None:
            await self._leadership.forget_job(job_id)
            DATA_REMOVED.reach()
            if has_result:
                await self._leadership.job_results.mark_clean(job_id)

        await patiently(f"What was kept for job {job_id} cannot be removed", remove)

    async def forget_result(self, job_id: JobID) -> None:
        """Keep the result of a job no more. Repeated."""
        await patiently(
            f"The result of job {job_id}, which has expired, cannot be removed",
            lambda: self._leadership.job_results.forget(job_id),
        )

    async def publish(self, endpoint: str, leader: LeaderInformation) -> None:
        """Make known who leads an endpoint. Repeated."""
        await patiently(
            f"It cannot be made known that {leader.address} leads {endpoint}",
            lambda: self._leadership.publish(endpoint, leader),
        )

    async def _kept_jobs(self) -> KeptJobs:
        results = self._leadership.job_results
        ended = await results.all()
        dirty = [JobID(details.summary.job_id) for details in await results.dirty()]
        known = {JobID(details.summary.job_id) for details in ended}
        graphs = await self._leadership.job_graphs.job_ids()
        # A result counts, whatever else is there: such a job is never run again.
        to_clean = dirty + [job_id for job_id in graphs if job_id in known and job_id not in dirty]
        to_run = [job_id for job_id in graphs if job_id not in known and job_id not in dirty]
        return KeptJobs(ended, to_clean, to_run)
