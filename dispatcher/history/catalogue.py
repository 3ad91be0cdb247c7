"""All jobs of a history server together: the answers that no single archive has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from millstream.common.states import JobStatus
from millstream.common.wire.cluster_pb2 import ClusterOverview
from millstream.dispatcher.rest.messages.cluster import ClusterOverviewInfo
from millstream.dispatcher.rest.messages.jobs import (
    JobIdsWithStatusOverview,
    JobIdWithStatus,
    JobOverview,
    JobsOverview,
)
from millstream.dispatcher.rest.payloads.cluster import cluster_overview

__all__ = ["Catalogue"]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The jobs at one moment. It is made when they change, and not for each request.

    :ivar jobs: the ids of all jobs.
    :ivar overview: all jobs in a line each, JSON.
    :ivar ids: all jobs by id, JSON.
    :ivar cluster: a cluster that has nothing but jobs that have ended.
    """

    jobs: frozenset[str]
    overview: bytes
    ids: bytes
    cluster: ClusterOverviewInfo

    @staticmethod
    def of(jobs: Collection[JobOverview]) -> Catalogue:
        """Return the catalogue of these jobs, the earliest started first."""
        lines = sorted(jobs, key=lambda job: (job.start_time, job.jid))
        states = Counter(job.state for job in lines)
        ids = JobIdsWithStatusOverview(jobs=[JobIdWithStatus(id=job.jid, status=job.state) for job in lines])
        return Catalogue(
            jobs=frozenset(job.jid for job in lines),
            overview=JobsOverview(jobs=lines).model_dump_json(by_alias=True).encode(),
            ids=ids.model_dump_json(by_alias=True).encode(),
            cluster=cluster_overview(
                ClusterOverview(
                    jobs_finished=states[JobStatus.FINISHED.name],
                    jobs_cancelled=states[JobStatus.CANCELED.name],
                    jobs_failed=states[JobStatus.FAILED.name],
                )
            ),
        )
