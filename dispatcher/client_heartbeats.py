"""Which jobs have clients that must live, and until when each is believed to."""

from __future__ import annotations

from millstream.common.ids import JobID

__all__ = ["ClientHeartbeats"]


class ClientHeartbeats:
    """A plain table; times are ms since the epoch."""

    __slots__ = ("_expiries",)

    def __init__(self) -> None:
        self._expiries: dict[JobID, int] = {}

    def watch(self, job_id: JobID, timeout_ms: int, now_ms: int) -> None:
        """The job is to end with its client, which has so long for its next sign of life."""
        self._expiries[job_id] = now_ms + timeout_ms

    def reported(self, job_id: JobID, expires_at_ms: int) -> None:
        """The client lives, and is to be believed to until then. Of a job that outlives its client nothing is noted;
        reports may overtake one another.
        """
        if job_id in self._expiries:
            self._expiries[job_id] = max(self._expiries[job_id], expires_at_ms)

    def forget(self, job_id: JobID) -> None:
        """The job has ended. Does nothing for one that is not watched."""
        self._expiries.pop(job_id, None)

    @property
    def next_expiry_ms(self) -> int | None:
        """When a client is believed to be gone if nothing is heard of it; ``None``: nobody is watched."""
        return min(self._expiries.values(), default=None)

    def take_silent(self, now_ms: int) -> list[JobID]:
        """Return the jobs whose clients are gone; they are watched no more."""
        silent = [job_id for job_id, expiry in self._expiries.items() if expiry <= now_ms]
        for job_id in silent:
            del self._expiries[job_id]
        return silent
