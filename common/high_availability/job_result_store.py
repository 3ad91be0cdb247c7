"""What became of jobs that have ended: such a job is never run again, whoever leads.

A result is *dirty* from when the job ended until everything else that was kept for it is removed; a leader that finds
a dirty result goes on with the cleaning and does not start the job. Then it is *clean*: it tells of the job until it
is forgotten (``jobstore.expiration-time``).
"""

from __future__ import annotations

from typing import Protocol

from millstream.common.ids import JobID
from millstream.common.wire.cluster_pb2 import JobDetails

__all__ = ["JobResultStore"]


class JobResultStore(Protocol):
    """Keeps the results of ended jobs. Fenced writes raise LeadershipLostError."""

    async def put_dirty(self, details: JobDetails) -> None:
        """The job of these details has ended. From when this returns no leader runs it again.

        :raises MillstreamError: it could not be kept, or nobody can tell whether it was.
        """
        ...

    async def mark_clean(self, job_id: JobID) -> None:
        """Nothing but the result is kept for the job any more."""
        ...

    async def dirty(self) -> list[JobDetails]:
        """Return the dirty results."""
        ...

    async def all(self) -> list[JobDetails]:
        """Return all results, those that ended first before others."""
        ...

    async def get(self, job_id: JobID) -> JobDetails | None:
        """Return the result of a job; ``None``: it has not ended, never was, or is forgotten."""
        ...

    async def forget(self, job_id: JobID) -> None:
        """Keep a clean result no more. Does nothing if there is none."""
        ...
