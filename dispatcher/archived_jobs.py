"""The archive of jobs that have ended, bounded in number and age."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from millstream.common.clock import Clock
from millstream.common.ids import JobID
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails

__all__ = ["ArchivedJobs"]


@dataclass(frozen=True, slots=True)
class _Archived:
    details: JobDetails
    checkpoints: JobCheckpoints
    archived_ms: int


class ArchivedJobs:
    """Keeps the last report on each ended job. When there are too many, those archived first leave first.

    :param max_capacity: how many jobs are kept (``jobstore.max-capacity``).
    :param expiration: how long each is kept (``jobstore.expiration-time``).
    :param on_left: is told of each job that left.
    """

    def __init__(
        self, clock: Clock, max_capacity: int, expiration: timedelta, on_left: Callable[[JobID], None]
    ) -> None:
        self._clock = clock
        self._max_capacity = max_capacity
        self._expiration_ms = int(expiration.total_seconds() * 1000)
        self._on_left = on_left
        self._jobs: dict[JobID, _Archived] = {}  # in the order of archiving

    def add(
        self, job_id: JobID, details: JobDetails, checkpoints: JobCheckpoints, archived_ms: int | None = None
    ) -> None:
        """Keep the reports on a job and its checkpoints; a job that is there already is replaced.

        :param archived_ms: since when it is kept, for a job that an earlier leader archived; now if not given.
        """
        self._jobs.pop(job_id, None)
        now_ms = self._clock.now_ms()
        # By another machine's clock that may be in the future; here time begins to count now at the latest.
        since_ms = now_ms if archived_ms is None else min(archived_ms, now_ms)
        self._jobs[job_id] = _Archived(details, checkpoints, since_ms)
        self._expire()
        while len(self._jobs) > self._max_capacity:
            self._leave(next(iter(self._jobs)))

    def get(self, job_id: JobID) -> JobDetails | None:
        """Return the job's last report, ``None`` if it is not (or no longer) here."""
        self._expire()
        archived = self._jobs.get(job_id)
        return archived.details if archived is not None else None

    def checkpoints(self, job_id: JobID) -> JobCheckpoints | None:
        """Return the last report on the job's checkpoints, ``None`` if the job is not (or no longer) here."""
        self._expire()
        archived = self._jobs.get(job_id)
        return archived.checkpoints if archived is not None else None

    def __contains__(self, job_id: JobID) -> bool:
        return self.get(job_id) is not None

    def __len__(self) -> int:
        self._expire()
        return len(self._jobs)

    def __iter__(self) -> Iterator[JobDetails]:
        """All reports, the oldest first."""
        self._expire()
        return iter([archived.details for archived in self._jobs.values()])

    def counts_by_state(self) -> Counter[str]:
        """Return how many jobs ended in each state."""
        return Counter(details.summary.state for details in self)

    def _expire(self) -> None:
        oldest_kept = self._clock.now_ms() - self._expiration_ms
        while self._jobs:
            job_id, archived = next(iter(self._jobs.items()))
            if archived.archived_ms >= oldest_kept:
                return
            self._leave(job_id)

    def _leave(self, job_id: JobID) -> None:
        del self._jobs[job_id]
        self._on_left(job_id)
